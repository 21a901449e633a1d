package multicluster

import (
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// fit leaves out of the authority and additional sections what there is no room for
// beside a whole answer. A client can do without that, so it need not ask again over
// TCP: TC is for what it must have (RFC 2181 section 9). If the answer itself is too
// long, CoreDNS cuts it and sets TC.
func fit(m *dns.Msg, state request.Request) {
	if len(m.Answer) == 0 {
		return
	}
	room := state.Size()
	if opt := state.Req.IsEdns0(); opt != nil {
		room -= dns.Len(opt) // CoreDNS adds it
	}
	if m.Len() <= room {
		return
	}
	cut := *m
	cut.Truncate(room)
	if len(cut.Answer) < len(m.Answer) {
		return
	}
	m.Ns = wholeSets(m.Ns, len(cut.Ns))
	m.Extra = wholeSets(m.Extra, len(cut.Extra))
	m.Compress = true
}

// wholeSets returns the RRsets that are within the first n records: half of one is
// nothing that a client may keep (RFC 2181 section 5).
func wholeSets(rrs []dns.RR, n int) []dns.RR {
	for 0 < n && n < len(rrs) && isSameSet(rrs[n-1], rrs[n]) {
		n--
	}
	return rrs[:n]
}

func isSameSet(a, b dns.RR) bool {
	return a.Header().Rrtype == b.Header().Rrtype && a.Header().Name == b.Header().Name
}
