package multicluster

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/pkg/upstream"

	"github.com/miekg/dns"
)

// general reads any zone file of RFC 1035, in one piece. What is changed is told
// by comparing branch by branch. A zone that the index cannot serve goes into
// CoreDNS' own memory form.
func (l *loader) general(ctx context.Context, f *folder) (*snapshot, error) {
	l.loads++
	var text digester
	z, err := l.parseAll(ctx, f, &text)
	if err != nil {
		return nil, err
	}
	if err := f.steady(); err != nil {
		return nil, err
	}
	whole := text.sum()
	if whole == l.whole {
		return nil, nil
	}
	p := newPacker(l.options)
	p.begin()
	p.apex.changed = z.changed
	for _, rr := range z.records {
		if err := p.add(rr); err != nil {
			return nil, err
		}
		if p.full() {
			return nil, errTooLarge
		}
	}
	if !z.flat {
		s, err := l.fallBack(p, z)
		if err == nil {
			l.whole = whole
		}
		return s, err
	}
	s := &source{parts: p.pack(), apex: p.apex, used: l.loads}
	for _, part := range s.parts {
		part.from = s
	}
	only := &segment{sources: []*source{s}, heads: []*source{s}, used: l.loads}
	d := &draft{loader: l, segments: []*segment{only}, fresh: []*source{s}}
	l.whole = whole
	return l.commit(d, p.apex), nil
}

// parsed is what the general parser found.
type parsed struct {
	apex
	records []dns.RR
	flat    bool // the index can serve it
}

// parseAll reads all records of the zone.
func (l *loader) parseAll(ctx context.Context, f *folder, text io.Writer) (*parsed, error) {
	zp := dns.NewZoneParser(&guard{in: io.TeeReader(f.limit(f.file), text)}, l.zone, beside+"/"+filepath.Base(f.file.Name()))
	zp.SetIncludeAllowed(true)
	zp.SetIncludeFS(&includes{f, text})
	z := &parsed{flat: true}
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if f.left.records--; f.left.records < 0 {
			return nil, errTooLarge
		}
		name := canonical(rr.Header().Name)
		if soa, ok := rr.(*dns.SOA); ok {
			if name != l.zone {
				return nil, fmt.Errorf("the SOA record is that of %s, not of %s", rr.Header().Name, l.zone)
			}
			z.soa, z.changed = soa, changedIn(strings.TrimPrefix(zp.Comment(), "; "))
		}
		if !inZone(name, l.zone) {
			continue // it is nobody's answer here
		}
		normalize(rr)
		z.flat = z.flat && isFlat(rr, name == l.zone)
		z.records = append(z.records, rr)
	}
	if err := zp.Err(); err != nil {
		return nil, shorter(err, f.file.Name())
	}
	if z.soa == nil {
		return nil, fmt.Errorf("no SOA record of %s", l.zone)
	}
	return z, nil
}

// isFlat reports whether the index can serve the record: it is no alias, no
// wildcard, no delegation, and needs no DNSSEC rules.
func isFlat(rr dns.RR, atApex bool) bool {
	h := rr.Header()
	if h.Class != dns.ClassINET || strings.HasPrefix(h.Name, "*.") {
		return false
	}
	switch h.Rrtype {
	case dns.TypeCNAME, dns.TypeDNAME, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM, dns.TypeSIG, dns.TypeNXT:
		return false
	case dns.TypeNS:
		return atApex
	}
	return true
}

// normalize brings those names to lower case that CoreDNS' file plugin does.
func normalize(rr dns.RR) {
	rr.Header().Name = canonical(rr.Header().Name)
	for _, name := range targets(rr) {
		*name = strings.ToLower(*name)
	}
}

func targets(rr dns.RR) []*string {
	switch rr := rr.(type) {
	case *dns.SOA:
		return []*string{&rr.Ns, &rr.Mbox}
	case *dns.NS:
		return []*string{&rr.Ns}
	case *dns.MX:
		return []*string{&rr.Mx}
	case *dns.SVCB:
		return []*string{&rr.Target}
	case *dns.HTTPS:
		return []*string{&rr.Target}
	}
	return nil
}

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
