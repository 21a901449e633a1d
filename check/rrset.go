package check

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// rrset judges the records of one name and type.
func (j *judge) rrset(o *owner, set []*Record) {
	rrtype := set[0].RR.Header().Rrtype
	if rrtype == dns.TypeSOA {
		return // there is a rule for more than one
	}
	j.ttl(o, set)
	j.duplicates(set)
	j.size(set)
	switch rrtype {
	case dns.TypeA, dns.TypeAAAA:
		for _, r := range set {
			if a := addressOf(r.RR); !isHost(a) {
				j.out.at(r, RuleAddress, "%s is no address that a host can have (unspecified, multicast, IPv4 in IPv6, or none): remove it", a)
			}
		}
	case dns.TypeNS:
		for _, r := range set {
			j.mentioned(r, r.RR.(*dns.NS).Ns)
		}
	case dns.TypeSRV:
		j.services(o, set)
	case dns.TypePTR:
		j.pointers(o, set)
	}
}

func isHost(a netip.Addr) bool {
	return a.IsValid() && !a.Is4In6() && !a.IsUnspecified() && !a.IsMulticast()
}

// ttl judges the TTLs of an RRset (RFC 2181 section 5.2).
func (j *judge) ttl(o *owner, set []*Record) {
	first := set[0].RR.Header().Ttl
	for _, r := range set[1:] {
		if ttl := r.RR.Header().Ttl; ttl != first {
			j.out.at(r, RuleTTLRRset, "TTL %d, but %d in the record before of this name and type: an RRset has one", ttl, first)
			break
		}
	}
	if o.form == formVersion {
		return // there is a rule for it
	}
	switch {
	case first > maxTTL:
		j.out.at(set[0], RuleTTLRange, "TTL %d: use 0 to %d", first, maxTTL)
	case first != j.x.soa.Hdr.Ttl:
		j.out.at(set[0], RuleTTLZone, "TTL %d, but the SOA has %d: the records of a zone have one", first, j.x.soa.Hdr.Ttl)
	}
}

// fewRecords is up to when each record is compared with each.
const fewRecords = 8

// duplicates finds records that are there twice.
func (j *judge) duplicates(set []*Record) {
	if len(set) == 1 {
		return
	}
	if len(set) > fewRecords {
		seen := make(map[data]*Record, len(set))
		for _, r := range set {
			d := dataOf(r.RR)
			if first := seen[d]; first != nil {
				j.duplicate(r, first)
			} else {
				seen[d] = r
			}
		}
		return
	}
	var seen [fewRecords]data
	for i, r := range set {
		seen[i] = dataOf(r.RR)
		for k := range i {
			if seen[k] == seen[i] {
				j.duplicate(r, set[k])
				break
			}
		}
	}
}

func (j *judge) duplicate(r, first *Record) {
	if r.File == first.File {
		j.out.at(r, RuleDuplicate, "the same %s record as in line %d: remove one", dns.Type(r.RR.Header().Rrtype), first.Line)
		return
	}
	j.out.at(r, RuleDuplicate, "the same %s record as in %s:%d: remove one", dns.Type(r.RR.Header().Rrtype), first.File, first.Line)
}

// data is what a record says of its owner and type, comparable.
type data struct {
	address netip.Addr
	name    string
	numbers [3]uint16
}

func dataOf(rr dns.RR) data {
	switch rr := rr.(type) {
	case *dns.A, *dns.AAAA:
		return data{address: addressOf(rr)}
	case *dns.SRV:
		return data{name: lower(rr.Target), numbers: [3]uint16{rr.Priority, rr.Weight, rr.Port}}
	case *dns.PTR:
		return data{name: lower(rr.Ptr)}
	case *dns.NS:
		return data{name: lower(rr.Ns)}
	}
	return data{name: strings.TrimPrefix(rr.String(), rr.Header().String())}
}
