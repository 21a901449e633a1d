package multicluster

import (
	"context"

	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/pkg/upstream"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// fallBack makes a snapshot that CoreDNS' file package serves.
func (l *loader) fallBack(p *packer, z *parsed) (*snapshot, error) {
	served := file.NewZone(l.zone, "")
	served.Upstream = upstream.New()
	for _, b := range p.order {
		b.headless = b.hidden()
	}
	s := &snapshot{branching: p.branching, apex: p.apex, file: served}
	exist := make(map[string]bool)
	for _, rr := range z.records {
		if !p.keeps(rr) {
			if above := p.above(rr); above != "" && !exist[above] {
				exist[above] = true
				rr = placeholder(above, rr.Header().Ttl)
			} else {
				continue
			}
		}
		if err := served.Insert(rr); err != nil {
			return nil, err
		}
		s.records++
	}
	l.forget()
	l.serials.take(s.serial())
	l.current = s
	return s, nil
}

// above returns the name that exists although a record below it is left out:
// that of the service, or of the namespace of a headless one.
func (p *packer) above(rr dns.RR) string {
	b := p.branch([]byte(rr.Header().Name))
	switch {
	case b.headless:
		return parent(b.branch)
	case b.service:
		return b.branch
	}
	return ""
}

// placeholder returns a record below a name, so that the name exists. zonegen
// writes the like.
func placeholder(name string, ttl uint32) dns.RR {
	return &dns.TXT{
		Hdr: dns.RR_Header{Name: "_zonegen." + name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: ttl},
		Txt: []string{"placeholder: the name above exists without records"},
	}
}

// keeps reports whether a record stays with noendpoints, after all have been
// added.
func (p *packer) keeps(rr dns.RR) bool {
	if ptr, ok := rr.(*dns.PTR); ok && p.noEndpoints && isEndpoint(ptr.Ptr, p.forward) {
		return false
	}
	name := []byte(rr.Header().Name)
	b := p.branch(name)
	return !b.headless && (!b.service || !b.leftOut(name))
}

// answerFromFile is answer for a zone that CoreDNS' file package holds. It
// returns nil if it fails.
func (s *snapshot) answerFromFile(ctx context.Context, state request.Request) *dns.Msg {
	answer, ns, extra, result := s.file.Lookup(ctx, state, state.Name())
	m := newReply(state.Req)
	switch result {
	case file.NameError:
		m.Rcode = dns.RcodeNameError
		if state.Do() {
			ns = s.denial(state.Name(), ns)
		}
	case file.Delegation:
		m.Authoritative = len(answer) > 0 // an alias is ours, what it leads to is not
	case file.ServerFailure:
		if len(answer) == 0 {
			return nil
		}
		m.Rcode = dns.RcodeServerFailure // of what the alias leads to (RFC 6604 section 3)
	}
	m.Answer, m.Ns, m.Extra = copied(answer), copied(ns), copied(extra)
	return m
}

func copied(rrs []dns.RR) []dns.RR {
	if len(rrs) == 0 {
		return nil
	}
	out := make([]dns.RR, min(len(rrs), mostRecords))
	for i, rr := range rrs[:len(out)] {
		out[i] = dns.Copy(rr)
	}
	return out
}
