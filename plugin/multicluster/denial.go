package multicluster

import (
	"github.com/coredns/coredns/plugin/file/rrutil"
	"github.com/coredns/coredns/plugin/file/tree"

	"github.com/miekg/dns"
)

// denial returns the authority section of an answer that a name does not exist in a
// zone with NSEC records, from the one that the file package gives. That denies the
// wildcard below the closest name with records, where the closest encloser is
// often a name without any, such as svc.clusterset.local, and then it does not
// validate (RFC 4035 section 3.1.3.2, RFC 4592 section 3.3.1).
func (s *snapshot) denial(name string, authority []dns.RR) []dns.RR {
	cover, found := s.file.Prev(name)
	if !found {
		return authority
	}
	chain := cover.Type(dns.TypeNSEC)
	if len(chain) == 0 {
		return authority
	}
	var out []dns.RR
	for _, rr := range authority {
		if sig, ok := rr.(*dns.RRSIG); rr.Header().Rrtype != dns.TypeNSEC && (!ok || sig.TypeCovered != dns.TypeNSEC) {
			out = append(out, rr)
		}
	}
	out = appendNSEC(out, cover)

	// Both ends of the gap in which the name is exist, and so do all names above them.
	encloser := parent(name)
	next := chain[0].(*dns.NSEC).NextDomain
	for !dns.IsSubDomain(encloser, cover.Name()) && !dns.IsSubDomain(encloser, next) {
		encloser = parent(encloser)
	}
	if wildcard, found := s.file.Prev("*." + encloser); found && wildcard.Name() != cover.Name() {
		out = appendNSEC(out, wildcard)
	}
	return out
}

// appendNSEC appends the NSEC record of a name and its signatures.
func appendNSEC(rrs []dns.RR, e *tree.Elem) []dns.RR {
	rrs = append(rrs, e.Type(dns.TypeNSEC)...)
	return append(rrs, rrutil.SubTypeSignature(e.Type(dns.TypeRRSIG), dns.TypeNSEC)...)
}
