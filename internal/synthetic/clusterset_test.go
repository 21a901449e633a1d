package synthetic

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

const origin = "clusterset.local."

func render(t testing.TB, services []zone.Service) *zone.Snapshot {
	t.Helper()
	set, err := zone.NewSet(zone.Options{TTL: 5})
	if err != nil {
		t.Fatal(err)
	}
	if problems := set.Apply(zone.Changes{Services: services}); len(problems) > 0 {
		t.Fatalf("%d values are dropped, the first: %v", len(problems), problems[0])
	}
	return set.Snapshots()[0]
}

func TestSizes(t *testing.T) {
	for _, size := range []Size{Small, Large, {Services: 5, Endpoints: 2}} {
		s := render(t, Services(size, 1))
		const apex = 5 // SOA, NS, its address, the version and a marker
		if got := s.Counts().Total() - apex; got != size.Records() {
			t.Errorf("%+v: %d records, want %d", size, got, size.Records())
		}
	}
	if n := Small.Records(); n != 64_000 {
		t.Errorf("the small one has %d records", n)
	}
	if n := Large.Records(); n < 1_000_000 || n > 1_050_000 {
		t.Errorf("the large one has %d records", n)
	}
}

// TestAddresses: each is there once, and the reverse zones are as full as those of clusters.
func TestAddresses(t *testing.T) {
	for _, size := range []Size{Small, Large, {Services: 1, Endpoints: 9000}} {
		seen, networks := make(map[netip.Addr]bool), make(map[netip.Prefix]int)
		add := func(text string) {
			a := netip.MustParseAddr(text)
			if seen[a] {
				t.Fatalf("%s is there twice", a)
			}
			seen[a] = true
			networks[netip.PrefixFrom(a, 24).Masked()]++
		}
		for _, s := range Services(size, 1) {
			for _, ip := range s.IPs {
				add(ip)
			}
			for _, slice := range s.Slices {
				for _, e := range slice.Endpoints {
					add(e.Addresses[0])
				}
			}
		}
		if each := len(seen) / len(networks); each < 50 || each > 200 {
			t.Errorf("%+v: %d addresses in %d networks", size, len(seen), len(networks))
		}
	}
}

func TestSeed(t *testing.T) {
	one := render(t, Services(Small, 1))
	if !one.Equal(render(t, Services(Small, 1))) {
		t.Error("the same seed gives different clustersets")
	}
	if one.Equal(render(t, Services(Small, 2))) {
		t.Error("different seeds give the same clusterset")
	}
}

func TestQueries(t *testing.T) {
	services := Services(Size{Services: 100, Endpoints: 4}, 1)
	text := render(t, services).Append(nil, 1)
	names := make(map[string]map[uint16]bool)
	zp := dns.NewZoneParser(bytes.NewReader(text), origin, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		h := rr.Header()
		if names[h.Name] == nil {
			names[h.Name] = make(map[uint16]bool)
		}
		names[h.Name][h.Rrtype] = true
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	const n = 4000
	asked, nodata, nxdomain, edns := make(map[uint16]int), 0, 0, 0
	for _, q := range Queries(services, origin, n, 1) {
		name, qtype := q.Question[0].Name, q.Question[0].Qtype
		switch {
		case names[name] == nil:
			nxdomain++
		case names[name][qtype]:
			asked[qtype]++
		default:
			nodata++
		}
		if q.IsEdns0() != nil {
			edns++
		}
	}
	// In eighths: A 2 and 2, no AAAA 1, SRV 1, no such name 2.
	for what, share := range map[string][2]int{
		"addresses": {asked[dns.TypeA], 4}, "SRV": {asked[dns.TypeSRV], 1},
		"no such type": {nodata, 1}, "no such name": {nxdomain, 2}, "EDNS": {edns, 4},
	} {
		if want := n * share[1] / 8; share[0] < want*8/10 || share[0] > want*12/10 {
			t.Errorf("%s: %d of %d queries, want about %d", what, share[0], n, want)
		}
	}
}
