package explain

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

func ready(hostname string, addresses ...string) zone.Endpoint {
	return zone.Endpoint{Hostname: hostname, Addresses: addresses, Ready: true}
}

func slice(name, cluster string, endpoints ...zone.Endpoint) zone.EndpointSlice {
	return zone.EndpointSlice{Name: name, Cluster: cluster, Ports: []zone.Port{{Name: "http", Number: 80}, {Name: "any", Number: zone.NoNumber}}, Endpoints: endpoints}
}

// state is what the questions below are about.
var state = zone.Changes{
	Namespaces: []string{"shop", "sites", "red", "empty"},
	Services: []zone.Service{
		{Key: zone.Key{Namespace: "shop", Name: "checkout"}, Type: zone.ClusterSetIP, IPs: []string{"10.0.0.1", "nonsense"}, Ports: []zone.Port{{Name: "http", Number: 80}, {Name: "a_b", Number: 81}}},
		{Key: zone.Key{Namespace: "shop", Name: "pending"}, Type: zone.ClusterSetIP, Ports: []zone.Port{{Name: "http", Number: 80}}},
		{Key: zone.Key{Namespace: "shop", Name: "broken"}, Type: zone.ClusterSetIP, IPs: []string{"0.0.0.0"}},
		{Key: zone.Key{Namespace: "shop", Name: "strange"}, Type: "Other"},
		{Key: zone.Key{Namespace: "shop", Name: "twin"}, Type: zone.ClusterSetIP, IPs: []string{"10.0.0.9"}},
		{Key: zone.Key{Namespace: "sites", Name: "twin"}, Type: zone.ClusterSetIP, IPs: []string{"10.0.0.9"}, Slices: []zone.EndpointSlice{slice("twin-1", "tokyo", ready("t-0", "10.1.0.1"))}},
		{Key: zone.Key{Namespace: "sites", Name: "web"}, Type: zone.Headless, Slices: []zone.EndpointSlice{
			slice("web-1", "Tokyo", ready("web-0", "10.1.0.1", "fd00::1"), ready("", "10.1.0.2"), ready("Bad_Host", "10.1.0.3"), zone.Endpoint{Hostname: "web-9", Addresses: []string{"10.1.0.9"}}),
			slice("web-2", "paris", ready("web-0", "10.2.0.1")),
			slice("web-3", "oslo", zone.Endpoint{Hostname: "web-5", Addresses: []string{"10.3.0.5"}}),
			slice("web-4", "lima", ready("web-6", "10.5.0.300")),
			{Name: "web-5", Cluster: "oslo", Ports: []zone.Port{{Name: "idle", Number: 80}}, Endpoints: []zone.Endpoint{{Addresses: []string{"10.3.0.6"}}}},
			{Name: "web-6", Cluster: "Bad_1", Ports: []zone.Port{{Name: "bad", Number: 80}}, Endpoints: []zone.Endpoint{ready("web-7", "10.0.0.1", "10.6.0.1")}},
		}},
		{Key: zone.Key{Namespace: "sites", Name: "lonely"}, Type: zone.Headless},
		{Key: zone.Key{Namespace: "sites", Name: "asleep"}, Type: zone.Headless, Slices: []zone.EndpointSlice{slice("asleep-1", "tokyo", zone.Endpoint{Addresses: []string{"10.4.0.1"}})}},
		{Key: zone.Key{Namespace: "sites", Name: "hollow"}, Type: zone.Headless, Slices: []zone.EndpointSlice{slice("hollow-1", "tokyo")}},
	},
}

const z = "svc.clusterset.local."

var questions = map[string]struct {
	verdict Verdict
	why     string // in the reasons
	closest string // joined by spaces
}{
	"checkout.shop." + z:              {Answers, "spec.ips of the ServiceImport are its addresses", ""},
	"shop/checkout":                   {Answers, "spec.ips of the ServiceImport are its addresses", ""},
	"CHECKOUT.Shop." + z:              {Answers, "", ""},
	"shop/chekcout":                   {NotThere, `the namespace shop has no ServiceImport "chekcout"`, "checkout.shop." + z},
	"shop/orphan":                     {NotThere, "there are EndpointSlices for it, 2 of them: only the ServiceImport is missing", ""},
	"shop/web":                        {NotThere, `no ServiceImport "web"`, "web.sites." + z},
	"web.stes." + z:                   {NotThere, `the namespace "stes" does not exist`, "web.sites." + z},
	"stes." + z:                       {NotThere, `the namespace "stes" does not exist`, "sites." + z},
	"nobody.nowhere." + z:             {NotThere, `the namespace "nowhere" does not exist`, ""},
	"red." + z:                        {NoData, "the namespace exists", ""},
	"shop." + z:                       {NoData, "the namespace exists", ""},
	z:                                 {NoData, "it holds the namespaces", ""},
	"clusterset.local":                {Answers, "the zone itself", ""},
	"dns.clusterset.local":            {NoData, "the zone itself", ""},
	"pod.clusterset.local":            {NoData, "the zone itself", ""},
	"10-1-0-1.pod.clusterset.local":   {NotThere, "pods have no names in a clusterset", ""},
	"checkout.shop.clusterset.local":  {NotThere, `the label "shop" is wrong`, "checkout.shop." + z},
	"checkout.shop.svc.cluster.local": {Outside, "answered by its own DNS", "checkout.shop." + z},
	"checkout.shop":                   {Outside, "in none of the zones", "checkout.shop." + z},
	"example.org":                     {Outside, "in none of the zones", ""},
	"pending.shop." + z:               {NoData, "has not given it an address yet", ""},
	"_http._tcp.pending.shop." + z:    {NotThere, "the service has no addresses", ""},
	"broken.shop." + z:                {NoData, "none of spec.ips of the ServiceImport can be used", ""},
	"strange.shop." + z:               {NotThere, `spec.type "Other"`, ""},
	"_http._tcp.checkout.shop." + z:   {Answers, "has a port of that name", ""},
	"_http._udp.checkout.shop." + z:   {NotThere, "the port http is TCP, not UDP", "_http._tcp.checkout.shop." + z},
	"_a_b._tcp.checkout.shop." + z:    {NotThere, `spec.ports[1].name "a_b": the port has no _PORT._PROTO name`, "_http._tcp.checkout.shop." + z},
	"_https._tcp.checkout.shop." + z:  {NotThere, `spec.ports of the ServiceImport has no port "https"`, "_http._tcp.checkout.shop." + z},
	"_tcp.checkout.shop." + z:         {NoData, "_PORT._tcp below it has", ""},
	"_udp.checkout.shop." + z:         {NotThere, "no named port with that protocol", "_http._tcp.checkout.shop." + z},
	"tokyo.checkout.shop." + z:        {NotThere, "the service has no EndpointSlices", ""},
	"a.tokyo.checkout.shop." + z:      {NotThere, "no EndpointSlices, so there are no names of endpoints", ""},
	"a.b.c.checkout.shop." + z:        {NotThere, "no name is that deep", ""},
	"web.sites." + z:                  {Answers, "ready endpoints (Bad_1 2, Tokyo 4, lima 1, paris 1)", ""},
	"web-0.tokyo.web.sites." + z:      {Answers, "a ready endpoint of an EndpointSlice from the cluster tokyo", ""},
	"web-9.tokyo.web.sites." + z:      {NotThere, "not ready (conditions.ready is false)", ""},
	"bad_host.tokyo.web.sites." + z:   {NotThere, `the hostname "Bad_Host" is no DNS label`, "10-1-0-3.tokyo.web.sites." + z},
	"10-1-0-3.tokyo.web.sites." + z:   {Answers, "", ""},
	"10-1-0-1.tokyo.web.sites." + z:   {NotThere, "has a hostname, web-0", "web-0.tokyo.web.sites." + z},
	"web-1.tokyo.web.sites." + z:      {NotThere, `no endpoint in the cluster tokyo is called "web-1"`, "web-0.tokyo.web.sites." + z},
	"web-0.tokio.web.sites." + z:      {NotThere, `from a cluster "tokio": there is bad_1, lima, oslo, paris, tokyo`, "web-0.tokyo.web.sites." + z + " web-0.paris.web.sites." + z},
	"wbe-0.tokio.web.sites." + z:      {NotThere, `from a cluster "tokio"`, "tokyo.web.sites." + z},
	"web-0.web.sites." + z:            {NotThere, `from a cluster "web-0"`, "web-0.tokyo.web.sites." + z + " web-0.paris.web.sites." + z},
	"web-5.paris.web.sites." + z:      {NotThere, `no endpoint in the cluster paris is called "web-5"`, "web-0.paris.web.sites." + z},
	"oslo.web.sites." + z:             {NotThere, "no endpoint in the cluster oslo is ready", ""},
	"paris.web.sites." + z:            {NoData, "a cluster has no records of its own", ""},
	"_any._tcp.web.sites." + z:        {NotThere, "the port any has no number", "_http._tcp.web.sites." + z},
	"lonely.sites." + z:               {NotThere, "has no EndpointSlice with the label", ""},
	"asleep.sites." + z:               {NotThere, "none of the addresses of its endpoints is ready (1)", ""},
	"hollow.sites." + z:               {NotThere, "have no endpoints", ""},
	"10.0.0.1":                        {Answers, "spec.ips of the ServiceImport shop/checkout, and nobody else who has it has a name that is published", ""},
	"1.0.0.10.in-addr.arpa":           {Answers, "shop/checkout", ""},
	"::ffff:10.0.0.1":                 {Answers, "shop/checkout", ""},
	"10.0.0.9":                        {Answers, "2 ServiceImports have it", ""},
	"10.1.0.1":                        {Answers, "ready endpoints have it under 2 names", ""},
	"_idle._tcp.web.sites." + z:       {NotThere, "the EndpointSlice web-5 has the port idle, but none of its endpoints is ready", "_http._tcp.web.sites." + z},
	"_bad._tcp.web.sites." + z:        {NotThere, "the EndpointSlice web-6 has the port bad, but none of its ready endpoints has a name", "_http._tcp.web.sites." + z},
	"_none._tcp.web.sites." + z:       {NotThere, `no EndpointSlice of the service has a port "none"`, "_http._tcp.web.sites." + z},
	"web-6.lima.web.sites." + z:       {NotThere, `the endpoint with the hostname web-6 has an address that cannot be published, "10.5.0.300"`, ""},
	"web-7.bad_1.web.sites." + z:      {NotThere, `the cluster "Bad_1" is no DNS label`, ""},
	"lima.web.sites." + z:             {NotThere, "no ready endpoint in the cluster lima has a name", ""},
	"10.6.0.1":                        {NotThere, "nobody who has this address has a name", ""},
	"10.1.0.9":                        {NotThere, "only endpoints that are not ready", ""},
	"10.99.0.1":                       {NotThere, "no service has this address", ""},
	"fd00::1":                         {Answers, "a ready endpoint of sites/web, and nobody else", ""},
	"10.in-addr.arpa":                 {NoData, "above names of addresses", ""},
	"99.10.in-addr.arpa":              {NotThere, "no address below it", ""},
}

func explainer(t testing.TB, o zone.Options, state zone.Changes) *Explainer {
	t.Helper()
	x, err := New(o, state, map[zone.Key]int{{Namespace: "shop", Name: "orphan"}: 2})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestExplain(t *testing.T) {
	x := explainer(t, zone.Options{TTL: 5}, state)
	for question, want := range questions {
		a, err := x.Explain(question)
		if err != nil {
			t.Errorf("%s: %v", question, err)
			continue
		}
		if why := strings.Join(a.Why, "; "); a.Verdict != want.verdict || !strings.Contains(why, want.why) || len(a.Why) == 0 {
			t.Errorf("%s: %s because %q, want %s because %q", question, a.Verdict, why, want.verdict, want.why)
		}
		if got := strings.Join(a.Closest, " "); got != want.closest {
			t.Errorf("%s: closest %q, want %q", question, got, want.closest)
		}
	}
	for _, bad := range []string{"", "a..b", "/x", "x/", "a/b/c"} {
		if a, err := x.Explain(bad); err == nil {
			t.Errorf("%q: %+v", bad, a)
		}
	}
}

// TestOptions: what options leave out is told.
func TestOptions(t *testing.T) {
	for question, want := range map[string]string{
		"web.sites." + z:            "--no-endpoints leaves those out",
		"t-0.tokyo.twin.sites." + z: "--no-endpoints leaves out the names of endpoints",
		"tokyo.twin.sites." + z:     "--no-endpoints leaves out the names of endpoints",
		"10.1.0.1":                  "--no-endpoints leaves out their names",
		"10.1.0.9":                  "only endpoints that are not ready",
		"10.6.0.1":                  "--no-endpoints leaves out their names",
		"10.0.0.1":                  "nobody else who has it has a name that is published",
	} {
		a, err := explainer(t, zone.Options{NoEndpoints: true}, state).Explain(question)
		if err != nil || !strings.Contains(strings.Join(a.Why, "; "), want) {
			t.Errorf("%s: %v, %v, want %q", question, a.Why, err, want)
		}
	}
	a, err := explainer(t, zone.Options{NoReverse: true}, state).Explain("10.1.0.1")
	if err != nil || !strings.Contains(strings.Join(a.Why, "; "), "no reverse zone holds it") {
		t.Errorf("%v, %v", a.Why, err)
	}
}

// TestRecords compares with whole zones: each of their names, and each name above, has
// the records and the verdict that the zone has.
func TestRecords(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	label := func(of string, n int) string { return fmt.Sprint(of, rng.IntN(n)) }
	for round := range 10 {
		var c zone.Changes
		services := map[zone.Key]zone.Service{}
		for range 1 + rng.IntN(12) {
			s := zone.Service{Key: zone.Key{Namespace: label("n", 3), Name: label("s", 6)}, Type: zone.ClusterSetIP}
			if rng.IntN(2) == 0 {
				s.Type = zone.Headless
			}
			for range rng.IntN(3) {
				s.IPs = append(s.IPs, []string{label("10.0.0.", 9), label("fd00::", 9), "0.0.0.0"}[rng.IntN(3)])
				s.Ports = append(s.Ports, zone.Port{Name: []string{"http", "dns", "", "a_b"}[rng.IntN(4)], Protocol: []string{"TCP", "UDP", "x"}[rng.IntN(3)], Number: int32(rng.IntN(4))}) //nolint:gosec // small
			}
			for i := range rng.IntN(3) {
				es := zone.EndpointSlice{Name: fmt.Sprint(s.Name, i), Cluster: []string{"east", "West", "no.label"}[rng.IntN(3)], Ports: s.Ports}
				for range rng.IntN(4) {
					es.Endpoints = append(es.Endpoints, zone.Endpoint{Hostname: []string{"", "h0", "H1", "h_2"}[rng.IntN(4)], Addresses: []string{label("10.0.0.", 9)}, Ready: rng.IntN(3) > 0})
				}
				s.Slices = append(s.Slices, es)
			}
			services[s.Key] = s
		}
		c.Namespaces = []string{"n0", "n1", "n2", "n3"}
		c.Services = slices.Collect(maps.Values(services))
		o := zone.Options{TTL: 5, Zones: []string{"one.example", "two.example"}, NoEndpoints: round%5 == 0}
		x := explainer(t, o, c)

		for _, s := range services {
			denials(t, x, s)
		}

		set, err := zone.NewSet(o)
		if err != nil {
			t.Fatal(err)
		}
		set.Apply(c)
		for _, s := range set.Snapshots() {
			v := &view{records: map[string][]Record{}, exists: map[string]bool{}}
			zp := dns.NewZoneParser(bytes.NewReader(s.Append(nil, 0)), "", "")
			for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
				v.add(rr, s.Origin())
			}
			for name := range v.exists {
				a, err := x.Explain(name)
				if err != nil {
					t.Fatal(err)
				}
				if a.Verdict != v.verdict(name) || !slices.Equal(a.Records, v.records[name]) || a.Zone != s.Origin() || len(a.Why) == 0 {
					t.Errorf("%s: %s %v %q in %s, want %s %v", name, a.Verdict, a.Records, a.Why, a.Zone, v.verdict(name), v.records[name])
				}
				for _, below := range []string{"x", "h0", "east", "_tcp", "_http", "h1.west", "s1"} {
					name := below + "." + name
					if v.exists[name] || rng.IntN(8) > 0 {
						continue
					}
					a, err := x.Explain(name)
					if err != nil {
						t.Fatal(err)
					}
					if a.Verdict != NotThere || len(a.Why) == 0 {
						t.Errorf("%s: %s %q, want NXDOMAIN", name, a.Verdict, a.Why)
					}
					for _, closest := range a.Closest {
						// It may be a service that has no records now.
						key := strings.SplitN(closest, ".", 3)
						if _, there := services[zone.Key{Namespace: key[1], Name: key[0]}]; !there && !v.exists[closest] {
							t.Errorf("%s: closest is %s, which is not there", name, closest)
						}
					}
				}
			}
		}
		if t.Failed() {
			t.Fatalf("round %d: %+v", round, c)
		}
	}
}

// denials asks about what a service has: no reason may say that it is not there, or is no
// label if it is one.
func denials(t *testing.T, x *Explainer, s zone.Service) {
	t.Helper()
	base := s.Name + "." + s.Namespace + ".svc.one.example."
	never := func(question string, denials ...string) {
		a, err := x.Explain(question)
		if err != nil {
			t.Fatal(err)
		}
		for _, why := range a.Why {
			for _, denial := range denials {
				if strings.Contains(why, denial) {
					t.Errorf("%s: %q, but %+v", question, why, s)
				}
			}
		}
	}
	if s.Type == zone.ClusterSetIP {
		for _, p := range s.Ports {
			if p.Name != "" {
				never("_"+p.Name+"._tcp."+base, "has no port")
			}
		}
	}
	for _, es := range s.Slices {
		for _, p := range es.Ports {
			if p.Name != "" && s.Type == zone.Headless {
				never("_"+p.Name+"._tcp."+base, "has a port ")
			}
		}
		for _, e := range es.Endpoints {
			never(e.Addresses[0], "no service has")
			if e.Ready {
				never(e.Addresses[0], "not ready")
				never(es.Cluster+"."+base, "is ready")
			}
			if e.Hostname != "" && !strings.Contains(e.Hostname, "_") {
				never(e.Hostname+"."+es.Cluster+"."+base, "the hostname")
			}
		}
	}
}

// TestReverse: the claim that wins is the one that the PTR record points to.
func TestReverse(t *testing.T) {
	x := explainer(t, zone.Options{TTL: 5}, state)
	a, err := x.Explain("10.1.0.1")
	if err != nil {
		t.Fatal(err)
	}
	want := []Claim{
		{"t-0.tokyo.twin.sites." + z, "sites/twin", "endpoint", true, true},
		{"web-0.tokyo.web.sites." + z, "sites/web", "endpoint", true, false},
	}
	if len(a.Reverse) != 1 || a.Reverse[0].PTR != want[0].Name || !slices.Equal(a.Reverse[0].Claims, want) {
		t.Errorf("%+v, want %+v", a.Reverse, want)
	}
	if _, err := netip.ParseAddr(a.Reverse[0].Address); err != nil {
		t.Error(err)
	}
}

func TestSimilar(t *testing.T) {
	names := []string{"checkout", "check", "cart", "web", "web-1", "tokyo"}
	for name, want := range map[string]string{
		"chekcout": "[checkout]", "chcek": "[check]", "wbe": "[web]", "web-2": "[web-1]", "tokio": "[tokyo]", "zebra": "[]", "": "[]",
	} {
		if got := fmt.Sprint(similar(name, slices.Values(names))); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
