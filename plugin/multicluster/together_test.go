package multicluster

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/dnssec"
	_ "github.com/coredns/coredns/plugin/file"
	_ "github.com/coredns/coredns/plugin/header"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/metadata"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/root"
	_ "github.com/coredns/coredns/plugin/template"

	"github.com/miekg/dns"
)

// TestFallthroughInEitherOrder shares the reverse zones with a plugin above, as
// kubernetes is, and one below.
func TestFallthroughInEitherOrder(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, "a.b.svc 5 A 10.0.0.1"))
	put(t, dir, "db.in-addr.arpa", zoneFile("in-addr.arpa.", 1, "1.0.0.10 5 PTR a.b.svc.clusterset.local."))
	put(t, dir, "db.ip6.arpa", zoneFile("ip6.arpa.", 1))
	put(t, dir, "below", zoneFile("in-addr.arpa.", 1, "3.0.0.10 5 PTR below.cluster.local.", "1.0.0.10 5 PTR wrong.cluster.local."))
	put(t, dir, "hosts", "10.0.0.2 above.cluster.local\n")
	s := serverOn(t, dir, `.:0 {
		bind 127.0.0.1
		root DIR
		hosts hosts cluster.local in-addr.arpa ip6.arpa {
			fallthrough in-addr.arpa ip6.arpa
		}
		multicluster clusterset.local in-addr.arpa ip6.arpa {
			directory .
			fallthrough in-addr.arpa ip6.arpa
		}
		file below in-addr.arpa
		template ANY ANY example.com {
			rcode REFUSED
		}
	}`)
	for _, test := range []answerTest{
		{"above.cluster.local.", dns.TypeA, "NOERROR A 10.0.0.2"},
		{"a.b.svc.clusterset.local.", dns.TypeA, "NOERROR A 10.0.0.1"},
		{"none.b.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
		{"2.0.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR PTR above.cluster.local."},
		{"1.0.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR PTR a.b.svc.clusterset.local."},
		{"3.0.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR PTR below.cluster.local."},
		{"4.0.0.10.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"},
		{"0.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR"}, // there are names below it
		{"example.com.", dns.TypeA, "REFUSED"},
	} {
		if got := brief(s.ask(t, test.name, test.qtype)); got != test.want {
			t.Errorf("%s %s: %s, not %s", test.name, dns.Type(test.qtype), got, test.want)
		}
	}
}

// TestTogether runs with the plugins that change what passes them, and asks many
// times: nothing that they do may come back.
func TestTogether(t *testing.T) {
	dir := t.TempDir()
	var lines []string
	for i := range 5 {
		lines = append(lines, fmt.Sprintf("@ 5 A 192.0.2.%d", i), fmt.Sprintf("@ 5 SRV 0 20 80 h%d.east", i), fmt.Sprintf("h%d.east 5 A 192.0.2.%d", i, i))
	}
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, append([]string{"$ORIGIN a.b.svc.clusterset.local. ; headless"}, lines...)...))
	s := serverOn(t, dir, `clusterset.local:0 {
		bind 127.0.0.1
		metadata
		loadbalance
		rewrite stop {
			name regex (.*)\.alias\.clusterset\.local {1}.b.svc.clusterset.local
			answer auto
		}
		rewrite ttl suffix b.svc.clusterset.local 3
		header {
			response set ra
		}
		cache 1
		multicluster {
			directory DIR
		}
	}`)
	first := make(map[string]bool)
	for range 50 {
		for _, name := range []string{"a.b.svc.clusterset.local.", "a.alias.clusterset.local.", "A.B.svc.Clusterset.local."} {
			got := s.ask(t, name, dns.TypeA)
			var addresses []string
			for _, rr := range got.Answer {
				if !strings.EqualFold(rr.Header().Name, name) || rr.Header().Ttl > 3 && strings.Contains(name, "svc") {
					t.Fatalf("%s: %s", name, rr)
				}
				addresses = append(addresses, rr.(*dns.A).A.String())
			}
			first[addresses[0]] = true
			slices.Sort(addresses)
			if got := strings.Join(addresses, " "); got != "192.0.2.0 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4" {
				t.Fatalf("%s: %s", name, got)
			}
		}
		if got := s.ask(t, "a.b.svc.clusterset.local.", dns.TypeSRV); len(got.Answer) != 5 || len(got.Extra) != 5 || !got.RecursionAvailable {
			t.Fatalf("SRV: %v", got)
		}
		if got := brief(s.ask(t, "none.b.svc.clusterset.local.", dns.TypeA)); got != "NXDOMAIN" {
			t.Fatalf("none: %s", got)
		}
	}
	if len(first) < 3 {
		t.Errorf("the order hardly changes: %v", first)
	}
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 2, "none.b.svc 5 A 192.0.2.1"))
	until(t, "the cache has forgotten", func() bool {
		return brief(s.ask(t, "none.b.svc.clusterset.local.", dns.TypeA)) == "NOERROR A 192.0.2.1"
	})
}

// TestDNSSEC: the plugin dnssec signs what there is, and denies what there is not.
func TestDNSSEC(t *testing.T) {
	dir := t.TempDir()
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: clusterset, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 5},
		Flags: 257, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("K%s+%03d+%05d", clusterset, key.Algorithm, key.KeyTag())
	must(t, os.WriteFile(filepath.Join(dir, name+".key"), []byte(key.String()+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, name+".private"), []byte(key.PrivateKeyString(private)), 0o600))
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, "a.b.svc 5 A 192.0.2.1", "a.b.svc 5 A 192.0.2.2"))
	s := serverOn(t, dir, `clusterset.local:0 {
		bind 127.0.0.1
		loadbalance
		dnssec {
			key file DIR/`+name+`
		}
		multicluster {
			directory DIR
		}
	}`)
	for _, question := range []struct {
		name  string
		qtype uint16
	}{
		{"a.b.svc.clusterset.local.", dns.TypeA},
		{clusterset, dns.TypeSOA},
		{clusterset, dns.TypeDNSKEY},
		{"none.b.svc.clusterset.local.", dns.TypeA},
		{"b.svc.clusterset.local.", dns.TypeA},
	} {
		r := new(dns.Msg).SetQuestion(question.name, question.qtype)
		r.SetEdns0(4096, true)
		got := s.exchange(t, "udp", r)
		signed := 0
		for _, section := range [][]dns.RR{got.Answer, got.Ns} {
			for _, rr := range section {
				sig, ok := rr.(*dns.RRSIG)
				if !ok {
					continue
				}
				var set []dns.RR
				for _, rr := range section {
					if h := rr.Header(); h.Rrtype == sig.TypeCovered && h.Name == sig.Hdr.Name {
						set = append(set, rr)
					}
				}
				if err := sig.Verify(key, set); err != nil || !sig.ValidityPeriod(time.Now()) {
					t.Errorf("%s %s: %v: %v", question.name, dns.Type(question.qtype), err, set)
				}
				signed++
			}
		}
		if signed == 0 {
			t.Errorf("%s %s: nothing is signed: %v", question.name, dns.Type(question.qtype), got)
		}
	}
}
