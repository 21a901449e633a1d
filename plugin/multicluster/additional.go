package multicluster

import (
	"github.com/miekg/dns"
)

// additional returns the addresses of the names that an answer points to, each
// name once, as far as the zone has them (RFC 2782, RFC 1035 section 3.3.9, RFC
// 9460 section 4.1).
func (q query) additional(places []place, answer []dns.RR, qtype uint16) []dns.RR {
	switch qtype {
	case dns.TypeSRV:
		if len(places) == 1 && places[0].alone {
			if extra, ok := q.ofServices(places[0]); ok {
				return extra
			}
		}
	case dns.TypeMX, dns.TypeSVCB, dns.TypeHTTPS:
	default:
		return nil
	}
	var extra []dns.RR
	seen := make(map[string]bool)
	mem := memory{hint: len(answer)}
	for _, rr := range answer {
		target := targetOf(rr)
		name := canonical(target)
		if !seen[name] && inZone(name, q.zone) {
			seen[name] = true
			extra = q.addresses(extra, name, name, &mem)
		}
	}
	return extra
}

func targetOf(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.SRV:
		return rr.Target
	case *dns.MX:
		return rr.Mx
	case *dns.SVCB:
		return rr.Target
	case *dns.HTTPS:
		return rr.Target
	}
	return ""
}

// ofServices is additional for SRV records of a branch that is in one part. Most
// targets are in it too. Ok is false if one is not in lower case: then others may
// be the same name.
func (q query) ofServices(p place) (extra []dns.RR, ok bool) {
	var room [64]int
	targets := p.targets(room[:0])
	extra = make([]dns.RR, 0, len(targets))
	mem := memory{hint: len(targets)}
	for _, t := range targets {
		name := p.name(t)
		if p.entries[t].exists {
			extra = p.appendType(extra, t, dns.TypeA, name, &mem)
			extra = p.appendType(extra, t, dns.TypeAAAA, name, &mem)
		} else if name != canonical(name) {
			return nil, false
		} else if inZone(name, q.zone) {
			extra = q.addresses(extra, name, name, &mem)
		}
	}
	return extra, true
}

// targets appends the entries that the SRV records in an answer point to, each once.
func (p place) targets(to []int) []int {
	var room [4]uint64
	seen := room[:]
	if words := (len(p.entries) + 63) / 64; words > len(seen) {
		seen = make([]uint64, words)
	}
	left := mostRecords
	for _, r := range p.runsOf(p.entry) {
		if r.rrtype != dns.TypeSRV {
			continue
		}
		n := int(r.first(left).count)
		left -= n
		for i := range n {
			t := be32(p.data[int(r.offset)+srvSize*i+6:])
			if seen[t/64]&(1<<(t%64)) == 0 {
				seen[t/64] |= 1 << (t % 64)
				to = append(to, t)
			}
		}
	}
	return to
}
