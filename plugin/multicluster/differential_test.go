package multicluster

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"
)

var allTypes = []uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeTXT, dns.TypePTR, dns.TypeSOA, dns.TypeNS, dns.TypeANY, dns.TypeDS,
	dns.TypeMX, dns.TypeCNAME, dns.TypeHTTPS, dns.TypeDNSKEY, dns.TypeNone, 65280,
}

// TestDifferential asks the plugin and CoreDNS' file plugin, which serve the
// same files, for every name there is, for many that there are not, and for many
// types. They must say the same, but for the order of records and the case of
// owner names.
func TestDifferential(t *testing.T) {
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		set := newSet(t, zone.Options{})
		set.Apply(zone.Changes{Services: randomServices(rng, 1+rng.IntN(20)), Namespaces: []string{"empty", "n1"}})
		files := texts(set, 7)
		theirs := fileOfAll(t, files)
		for form, change := range map[string]func(string) string{"zonegen's": func(s string) string { return s }, "another's": plain} {
			ours := make(map[string]string)
			for name, text := range files {
				ours[name] = change(text)
			}
			compare(t, loaded(t, ours), theirs, names(t, rng, files))
			if t.Failed() {
				t.Fatalf("seed %d, %s form:\n%s", seed, form, files[clusterset])
			}
		}
	}
}

// TestDifferentialOfOtherRecords compares zones by other hands.
func TestDifferentialOfOtherRecords(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, text := range map[string]string{
		"types": `$TTL 60
@ IN SOA NS.Example.Org. Host\.Master.example.org. ( 1 7200 1800
	86400 60 ) ; a comment
  IN NS ns
  IN NS elsewhere.example.
  IN A 192.0.2.1
  MX 10 Mail
ns A 192.0.2.2
   AAAA 2001:db8::1
mail 7 A 192.0.2.3
a.b.c.d.e.f.g TXT "deep" "in \"it\"" \000\255
SRV.upper SRV 1 2 3 Mail
srv SRV 1 2 3 mail
srv SRV 1 2 4 MAIL
srv SRV 1 2 5 outside.example.
srv SRV 1 2 6 nowhere
srv SRV 0 0 7 .
web HTTPS 1 . alpn=h2
web2 HTTPS 1 ns alpn=h2
x CAA 0 issue "ca.example"
hé A 192.0.2.8
to-h SRV 1 2 3 hé
y TYPE65280 \# 4 01020304
has\046dot A 192.0.2.9
two 5 A 192.0.2.5
two 6 A 192.0.2.6
two 5 AAAA 2001:db8::2
twice A 192.0.2.7
twice A 192.0.2.7
ds DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000
`,
		"without name server": "@ 5 IN SOA ns host 1 2 3 4 5\na A 192.0.2.1\n",
		"delegation":          zoneFile("example.org.", 1, "sub NS ns.sub", "ns.sub A 192.0.2.1", "a.b 5 A 192.0.2.2"),
		"alias":               zoneFile("example.org.", 1, "a CNAME b", "b A 192.0.2.1", "c CNAME d", "d CNAME nowhere", "x.y A 192.0.2.2"),
		"wildcard":            zoneFile("example.org.", 1, "*.w A 192.0.2.1", "a.b.w A 192.0.2.2", "*.s SRV 1 2 3 ns.dns"),
		"DNAME":               zoneFile("example.org.", 1, "d DNAME e", "x.e A 192.0.2.1"),
		"NSEC":                zoneFile("example.org.", 1, "a A 192.0.2.1", "a NSEC example.org. A NSEC"),
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"example.org.": text}
			compare(t, loaded(t, files), fileOfAll(t, files), names(t, rng, files))
		})
	}
}

// TestDifferentialOfLargeZone compares the zone of a cluster with 64,000 records.
func TestDifferentialOfLargeZone(t *testing.T) {
	c := small()
	files := map[string]string{clusterset: string(c.text)}
	ours, theirs := loaded(t, files), fileOfAll(t, files)
	for _, r := range c.queries(3000) {
		if got, want := sectionsOf(ask(t, ours, r.Copy())), sectionsOf(ask(t, theirs, r.Copy())); got != want {
			t.Fatalf("got\n%s\nfile has\n%s", got, want)
		}
	}
}

func fileOfAll(t testing.TB, files map[string]string) file.File {
	t.Helper()
	f := file.File{Next: test.NextHandler(dns.RcodeRefused, nil), Zones: file.Zones{Z: make(map[string]*file.Zone)}}
	for name, text := range files {
		z, err := file.Parse(strings.NewReader(text), name, "", -1)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
		f.Z[name] = z
		f.Names = append(f.Names, name)
	}
	return f
}

// names are those of a zone, the names above them, and some near them.
func names(t testing.TB, rng *rand.Rand, files map[string]string) []string {
	t.Helper()
	all := map[string]bool{"example.net.": true, ".": true}
	for origin, text := range files {
		zp := dns.NewZoneParser(strings.NewReader(text), origin, "")
		for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
			for at := canonical(rr.Header().Name); inZone(at, origin); at = parent(at) {
				all[at] = true
				for _, label := range []string{"x.", "_tcp.", "east.", "*.", "0."} {
					all[label+at] = true
				}
				all["x."+parent(at)] = true
				all["x"+at] = true
			}
		}
	}
	var list []string
	for name := range all {
		if _, ok := dns.IsDomainName(name); ok {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	for i, name := range list {
		if i%3 == 0 {
			list = append(list, mixed(rng, name))
		}
	}
	return list
}

func mixed(rng *rand.Rand, name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' && rng.IntN(2) == 0 {
			return c - 'a' + 'A'
		}
		return c
	}, name)
}

func compare(t *testing.T, ours, theirs test.Handler, names []string) {
	t.Helper()
	for i, name := range names {
		for _, qtype := range allTypes[i%3:] {
			if i%5 > 1 && qtype != dns.TypeA && qtype != dns.TypeSRV && qtype != dns.TypePTR {
				continue
			}
			r := question(name, qtype)
			if len(name)%2 == 0 {
				r.SetEdns0(1232, true)
			}
			got, want := ask(t, ours, r.Copy()), ask(t, theirs, r.Copy())
			if len(want.Answer)+len(want.Ns) == 0 && qtype == dns.TypeNS && want.Rcode == dns.RcodeSuccess {
				continue // see TestApexWithoutNameServer
			}
			if _, isApex := theirs.(file.File).Z[strings.ToLower(name)]; isApex && want.Rcode == dns.RcodeNameError {
				continue // see TestApexOfEmptyZone
			}
			if a, b := sectionsOf(got), sectionsOf(want); a != b {
				t.Errorf("%s %s: got\n%s\nfile has\n%s", name, dns.Type(qtype), a, b)
				return
			}
			for _, rr := range got.Answer {
				if h := rr.Header(); strings.EqualFold(h.Name, name) && h.Name != name && h.Rrtype != dns.TypeCNAME && got.Question[0].Qtype != dns.TypeCNAME && !strings.Contains(name, `\`) && fromIndex(ours, name) {
					t.Errorf("%s %s: the case is not that of the query: %s", name, dns.Type(qtype), rr)
				}
			}
		}
	}
}

// fromIndex reports whether the plugin answers from its own index.
func fromIndex(h test.Handler, name string) bool {
	z := h.(*Multicluster).match(strings.ToLower(name))
	return z != nil && z.current.Load().file == nil
}

// sectionsOf is a message without what may differ.
func sectionsOf(m *dns.Msg) string {
	h := m.MsgHdr
	h.Id = 0
	lines := []string{h.String(), m.Question[0].String()}
	for name, section := range map[string][]dns.RR{"1": m.Answer, "2": m.Ns, "3": m.Extra} {
		for _, rr := range section {
			rr = dns.Copy(rr)
			rr.Header().Name = strings.ToLower(rr.Header().Name)
			lines = append(lines, name+" "+rr.String())
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestApexWithoutNameServer: file leaves out the SOA there.
func TestApexWithoutNameServer(t *testing.T) {
	m := loaded(t, map[string]string{"example.org.": "@ 5 IN SOA ns host 1 2 3 4 5\na A 192.0.2.1\n"})
	got := ask(t, m, question("example.org.", dns.TypeNS))
	if got.Rcode != dns.RcodeSuccess || len(got.Answer) != 0 || len(got.Ns) != 1 {
		t.Errorf("got %v", got)
	}
}

// TestApexOfEmptyZone: file denies the apex of a zone that has nothing else.
func TestApexOfEmptyZone(t *testing.T) {
	m := loaded(t, map[string]string{"example.org.": "@ 5 IN SOA ns host 1 2 3 4 5\n@ 5 NS ns.example.net.\n"})
	for _, qtype := range []uint16{dns.TypeA, dns.TypeDS, dns.TypeANY} {
		if got := ask(t, m, question("example.org.", qtype)); brief(got) != "NOERROR" || len(got.Ns) != 1 {
			t.Errorf("%s: got %v", dns.Type(qtype), got)
		}
	}
}
