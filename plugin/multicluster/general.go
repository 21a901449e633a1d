package multicluster

import (
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"path/filepath"
	"strings"

	"github.com/miekg/dns"
)

// general reads any zone file of RFC 1035, in one piece. What is changed is told
// by comparing branch by branch. A zone that the index cannot serve goes into
// CoreDNS' own memory form.
func (l *loader) general(ctx context.Context, f *folder) (*snapshot, error) {
	l.loads++
	var text maphash.Hash
	text.SetSeed(seed)
	z, err := l.parseAll(ctx, f, &text)
	if err != nil {
		return nil, err
	}
	if err := f.steady(z.soa.Serial); err != nil {
		return nil, err
	}
	whole := digest(text.Sum64())
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
		if !p.afford() {
			return nil, p.spent(rr.Header().Name)
		}
	}
	if !z.flat {
		s, err := l.fallBack(p, z)
		if err == nil {
			l.whole = whole
		}
		return s, err
	}
	s := &source{parts: p.pack(), apex: p.apex, memory: p.taken, used: l.loads}
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
	zp := dns.NewZoneParser(&guard{in: io.TeeReader(f.limit(f.file), text), folder: f}, l.zone, beside+"/"+filepath.Base(f.file.Name()))
	zp.SetIncludeAllowed(true)
	zp.SetIncludeFS(&includes{f, text})
	z := &parsed{flat: true}
	wire := make([]byte, dns.MaxMsgSize)
	memory := purse{budget: newBudget(l.limits.memory)}
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
		if err := fits(rr, wire); err != nil {
			return nil, fmt.Errorf("%s %s: %w", name, dns.Type(rr.Header().Rrtype), err)
		}
		normalize(rr)
		if !memory.pay(int64(parsedCost + len(name) + dns.Len(rr))) {
			return nil, memory.spent(name)
		}
		z.flat = z.flat && isFlat(rr, name == l.zone)
		z.records = append(z.records, rr)
	}
	if f.refused != nil {
		return nil, f.refused
	}
	if err := zp.Err(); err != nil {
		return nil, shorter(err, f.file.Name())
	}
	if z.soa == nil {
		return nil, fmt.Errorf("no SOA record of %s", l.zone)
	}
	return z, nil
}

// fits returns an error if nobody could read the record from the wire. The parser
// lets names pass that are too long.
func fits(rr dns.RR, wire []byte) error {
	n, err := dns.PackRR(rr, wire, 0, nil, false)
	if err == nil {
		_, _, err = dns.UnpackRR(wire[:n], 0)
	}
	return err
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
