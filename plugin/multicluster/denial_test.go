package multicluster

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// signed is a zone with a chain of NSEC records. Their signatures are none, but look so.
var signed = func() string {
	names := []string{"@", "ns.dns", "a.one.svc", "web.shop.svc", "_http._tcp.web.shop.svc", "z.two.svc"}
	lines := []string{"a.one.svc A 192.0.2.1", "web.shop.svc A 192.0.2.2", "_http._tcp.web.shop.svc SRV 0 100 80 web.shop.svc", "z.two.svc A 192.0.2.3"}
	for i, name := range names {
		next := names[(i+1)%len(names)]
		lines = append(lines, name+" NSEC "+next+" A RRSIG NSEC", name+" RRSIG NSEC 13 2 5 20360101000000 20260101000000 1 @ AAAA")
	}
	lines = append(lines, "@ RRSIG SOA 13 2 5 20360101000000 20260101000000 1 @ AAAA")
	return zoneFile(clusterset, 1, lines...)
}()

func TestDenial(t *testing.T) {
	m := loaded(t, map[string]string{clusterset: signed})
	for name, want := range map[string]string{
		"none.shop.svc.":       "a.one.svc",                            // which also denies *.shop.svc
		"xxx.shop.svc.":        "_http._tcp.web.shop.svc a.one.svc",    // the encloser shop.svc has no records
		"x.none.svc.":          "ns.dns",                               // as is *.svc
		"zzz.svc.":             "z.two.svc ns.dns",                     // the encloser svc has none either
		"x.web.shop.svc.":      "_http._tcp.web.shop.svc web.shop.svc", // the encloser has records
		"x._tcp.web.shop.svc.": "_http._tcp.web.shop.svc web.shop.svc",
		"zzz.":                 "z.two.svc @",
		"a.":                   "@",
	} {
		r := new(dns.Msg).SetQuestion(name+clusterset, dns.TypeA)
		r.SetEdns0(4096, true)
		got := ask(t, m, r)
		var owners []string
		signatures, soa := 0, 0
		for _, rr := range got.Ns {
			switch rr.Header().Rrtype {
			case dns.TypeNSEC:
				owner := strings.TrimSuffix(rr.Header().Name, "."+clusterset)
				if rr.Header().Name == clusterset {
					owner = "@"
				}
				owners = append(owners, owner)
			case dns.TypeRRSIG:
				signatures++
			case dns.TypeSOA:
				soa++
			}
		}
		if got.Rcode != dns.RcodeNameError || strings.Join(owners, " ") != want || signatures != len(owners)+1 || soa != 1 {
			t.Errorf("%s: %s is denied by %q, want %q, with %d signatures\n%v", name, dns.RcodeToString[got.Rcode], owners, want, signatures, got)
		}
		// Who does not ask for DNSSEC gets none.
		if got := ask(t, m, new(dns.Msg).SetQuestion(name+clusterset, dns.TypeA)); len(got.Ns) != 1 || got.Ns[0].Header().Rrtype != dns.TypeSOA {
			t.Errorf("%s without DO: %v", name, got)
		}
	}
}
