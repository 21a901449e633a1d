package check

import "github.com/miekg/dns"

// An answer holds an RRset whole, and a message at most 65,535 octets (RFC 1035
// section 4.2.2). The rest is for the header, the question and EDNS.
const maxRRset = 65_000 // octets

// ownerPointer is what an owner takes in an answer: it is in the question, and a
// pointer leads there (RFC 1035 section 4.1.4).
const ownerPointer = 2

// size judges whether an RRset fits into an answer.
func (j *judge) size(set []*Record) {
	octets := 0
	for _, r := range set {
		octets += dns.Len(r.RR) - wireLength(r.RR.Header().Name) + ownerPointer
	}
	if octets > maxRRset {
		h := set[0].RR.Header()
		j.out.at(set[0], RuleRRsetSize, "%s of type %s take %d octets, and there is room for %d in a DNS message: no server can answer with all of them, and BIND does not even load the zone; remove some",
			count(len(set), "record"), dns.Type(h.Rrtype), octets, maxRRset)
	}
}
