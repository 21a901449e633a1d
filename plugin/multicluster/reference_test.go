package multicluster

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"
)

// The tests in this file are the sentences of the README of the plugin
// github.com/coredns/multicluster, which this one replaces.

// shop is a clusterset with a service of each kind.
func shop(t testing.TB) *zone.Set {
	t.Helper()
	s := newSet(t, zone.Options{})
	ports := []zone.Port{{Name: "http", Protocol: "TCP", Number: 80}}
	endpoint := func(host, address string) zone.Endpoint {
		return zone.Endpoint{Hostname: host, Addresses: []string{address}, Ready: true}
	}
	s.Apply(zone.Changes{
		Namespaces: []string{"empty"},
		Services: []zone.Service{
			{
				Key: zone.Key{Namespace: "shop", Name: "web"}, Type: zone.ClusterSetIP, IPs: []string{"10.0.0.80", "fd00::80"}, Ports: ports,
				Slices: []zone.EndpointSlice{{Name: "w", Cluster: "east", Ports: ports, Endpoints: []zone.Endpoint{endpoint("web-0", "10.1.0.1")}}},
			},
			{Key: zone.Key{Namespace: "shop", Name: "pending"}, Type: zone.ClusterSetIP, Slices: []zone.EndpointSlice{
				{Name: "p", Cluster: "east", Endpoints: []zone.Endpoint{endpoint("pending-0", "10.1.0.9")}},
			}},
			{Key: zone.Key{Namespace: "db", Name: "pg"}, Type: zone.Headless, Slices: []zone.EndpointSlice{
				{Name: "a", Cluster: "east", Ports: ports, Endpoints: []zone.Endpoint{endpoint("pg-0", "10.1.0.10"), endpoint("pg-1", "10.1.0.11")}},
				{Name: "b", Cluster: "west", Ports: ports, Endpoints: []zone.Endpoint{endpoint("pg-0", "10.2.0.10")}},
			}},
			{Key: zone.Key{Namespace: "db", Name: "portless"}, Type: zone.Headless, Slices: []zone.EndpointSlice{
				{Name: "c", Cluster: "east", Endpoints: []zone.Endpoint{endpoint("", "10.1.0.20")}},
			}},
			{Key: zone.Key{Namespace: "db", Name: "nameless"}, Type: zone.Headless, Slices: []zone.EndpointSlice{
				{Name: "d", Cluster: "no.label", Endpoints: []zone.Endpoint{endpoint("x", "10.1.0.30")}},
			}},
		},
	})
	return s
}

// answers are those of a handler to a table of questions.
func answers(t *testing.T, h test.Handler, table []answerTest) {
	t.Helper()
	for _, test := range table {
		if got := brief(ask(t, h, question(test.name, test.qtype))); got != test.want {
			t.Errorf("%s %s: got %s, want %s", test.name, dns.Type(test.qtype), got, test.want)
		}
	}
}

type answerTest struct {
	name  string
	qtype uint16
	want  string
}

// "implements the Kubernetes DNS-Based Multicluster Service Discovery
// Specification."
func TestReferenceSpecification(t *testing.T) {
	answers(t, loaded(t, texts(shop(t), 1)), []answerTest{
		{"dns-version.clusterset.local.", dns.TypeTXT, `NOERROR TXT "1.1.0"`},
		{"web.shop.svc.clusterset.local.", dns.TypeA, "NOERROR A 10.0.0.80"},
		{"web.shop.svc.clusterset.local.", dns.TypeAAAA, "NOERROR AAAA fd00::80"},
		{"web.shop.svc.clusterset.local.", dns.TypeSRV, "NOERROR SRV 0 50 80 web.shop.svc.clusterset.local."},
		{"_http._tcp.web.shop.svc.clusterset.local.", dns.TypeSRV, "NOERROR SRV 0 50 80 web.shop.svc.clusterset.local."},
		{"web-0.east.web.shop.svc.clusterset.local.", dns.TypeA, "NOERROR A 10.1.0.1"},
		{"pg.db.svc.clusterset.local.", dns.TypeA, "NOERROR A 10.1.0.10 A 10.1.0.11 A 10.2.0.10"},
		{"pg-0.west.pg.db.svc.clusterset.local.", dns.TypeA, "NOERROR A 10.2.0.10"},
		{
			"_http._tcp.pg.db.svc.clusterset.local.", dns.TypeSRV, "NOERROR SRV 0 33 80 pg-0.east.pg.db.svc.clusterset.local." +
				" SRV 0 33 80 pg-1.east.pg.db.svc.clusterset.local. SRV 0 33 80 pg-0.west.pg.db.svc.clusterset.local.",
		},
		{"80.0.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR PTR web.shop.svc.clusterset.local."},
		{"10.0.2.10.in-addr.arpa.", dns.TypePTR, "NOERROR PTR pg-0.west.pg.db.svc.clusterset.local."},
		{"nothing.shop.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
		{"web.nothing.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
		{"_nothing._tcp.web.shop.svc.clusterset.local.", dns.TypeSRV, "NXDOMAIN"},
		{"empty.svc.clusterset.local.", dns.TypeA, "NOERROR"},
		{"svc.clusterset.local.", dns.TypeA, "NOERROR"},
		{"pending.shop.svc.clusterset.local.", dns.TypeA, "NOERROR"},
		{"example.com.", dns.TypeA, "REFUSED"},
	})
}

// "kubeconfig KUBECONFIG [CONTEXT] authenticates the connection to a remote k8s
// cluster": zonegen does, see TestParseErrors.

// "noendpoints will turn off the serving of endpoint records … All endpoint
// queries and headless service queries will result in an NXDOMAIN."
func TestReferenceNoEndpoints(t *testing.T) {
	for form, change := range forms {
		t.Run(form, func(t *testing.T) {
			files := texts(shop(t), 1)
			for name, text := range files {
				files[name] = change(text)
			}
			answers(t, loaded(t, files, noEndpoints), []answerTest{
				{"web-0.east.web.shop.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
				{"east.web.shop.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
				{"pg.db.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
				{"pg.db.svc.clusterset.local.", dns.TypeSRV, "NXDOMAIN"},
				{"_http._tcp.pg.db.svc.clusterset.local.", dns.TypeSRV, "NXDOMAIN"},
				{"_tcp.pg.db.svc.clusterset.local.", dns.TypeSRV, "NXDOMAIN"},
				{"pg-0.west.pg.db.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
				{"portless.db.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
				{"10-1-0-20.east.portless.db.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
				{"10.0.2.10.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"},
				{"1.0.1.10.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"},
				{"9.0.1.10.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"},
				// What is not made of endpoints stays.
				{"web.shop.svc.clusterset.local.", dns.TypeA, "NOERROR A 10.0.0.80"},
				{"web.shop.svc.clusterset.local.", dns.TypeSRV, "NOERROR SRV 0 50 80 web.shop.svc.clusterset.local."},
				{"_http._tcp.web.shop.svc.clusterset.local.", dns.TypeSRV, "NOERROR SRV 0 50 80 web.shop.svc.clusterset.local."},
				{"_tcp.web.shop.svc.clusterset.local.", dns.TypeSRV, "NOERROR"},
				{"80.0.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR PTR web.shop.svc.clusterset.local."},
				{"pending.shop.svc.clusterset.local.", dns.TypeA, "NOERROR"},
				{"db.svc.clusterset.local.", dns.TypeA, "NOERROR"}, // headless services only
				{"empty.svc.clusterset.local.", dns.TypeA, "NOERROR"},
				{"svc.clusterset.local.", dns.TypeA, "NOERROR"},
				{"ns.dns.clusterset.local.", dns.TypeA, "NOERROR A 127.0.0.1"},
			})
		})
	}
}

// forms are ways to write a zone file.
var forms = map[string]func(string) string{
	"zonegen's":           func(text string) string { return text },
	"the general form":    plain,
	"a zone with a CNAME": func(text string) string { return with(text, "alias 5 CNAME example.com.\n") },
}

// "fallthrough [ZONES...] If a query for a record in the zones for which the
// plugin is authoritative results in NXDOMAIN, … the query will instead be passed
// on down the plugin chain … If [ZONES...] is omitted, then fallthrough happens for
// all zones … If specific zones are listed …, then only queries for those zones
// will be subject to fallthrough."
func TestReferenceFallthrough(t *testing.T) {
	const next = dns.RcodeBadCookie // nobody else says that
	for form, change := range forms {
		t.Run(form, func(t *testing.T) {
			files := texts(shop(t), 1)
			files[clusterset] = change(files[clusterset])
			m := loaded(t, files)
			m.Next = test.NextHandler(next, nil)
			for _, setting := range []struct {
				fall fall.F
				arpa bool
				all  bool
			}{
				{fall.F{}, false, false},
				{fall.Root, true, true},
				{fall.F{Zones: []string{"in-addr.arpa.", "ip6.arpa."}}, true, false},
			} {
				m.Fall = setting.fall
				for _, q := range []struct {
					answerTest
					passed bool
				}{
					{answerTest{"nothing.shop.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"}, setting.all},
					{answerTest{"deep.nothing.clusterset.local.", dns.TypeTXT, "NXDOMAIN"}, setting.all},
					{answerTest{"1.2.3.4.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"}, setting.arpa},
					{answerTest{"1.ip6.arpa.", dns.TypePTR, "NXDOMAIN"}, setting.arpa},
					// NODATA is an answer.
					{answerTest{"web.shop.svc.clusterset.local.", dns.TypeTXT, "NOERROR"}, false},
					{answerTest{"clusterset.local.", dns.TypeTXT, "NOERROR"}, false},
					{answerTest{"80.0.0.10.in-addr.arpa.", dns.TypeA, "NOERROR"}, false},
					// So it is for empty non-terminals.
					{answerTest{"svc.clusterset.local.", dns.TypeA, "NOERROR"}, false},
					{answerTest{"shop.svc.clusterset.local.", dns.TypeA, "NOERROR"}, false},
					{answerTest{"_tcp.web.shop.svc.clusterset.local.", dns.TypeSRV, "NOERROR"}, false},
					{answerTest{"east.web.shop.svc.clusterset.local.", dns.TypeA, "NOERROR"}, false},
					{answerTest{"0.0.10.in-addr.arpa.", dns.TypePTR, "NOERROR"}, false},
					{answerTest{"10.in-addr.arpa.", dns.TypePTR, "NOERROR"}, false},
					{answerTest{"in-addr.arpa.", dns.TypePTR, "NOERROR"}, false},
				} {
					if q.passed {
						q.want = dns.RcodeToString[next]
					}
					answers(t, m, []answerTest{q.answerTest})
				}
			}
		})
	}
}

// "it will delay serving DNS for up to 5 seconds … CoreDNS will answer SERVFAIL to
// any request made for a Kubernetes record that has not yet been synchronized."
func TestReferenceNotLoaded(t *testing.T) {
	m := &Multicluster{
		zones: &zones{zones: []*fileZone{newZone(options{zone: clusterset, dir: t.TempDir(), limits: defaultLimits})}},
		Next:  test.NextHandler(dns.RcodeSuccess, nil), Fall: fall.Root,
	}
	for _, name := range []string{"web.shop.svc.clusterset.local.", "nothing.clusterset.local.", "clusterset.local."} {
		answers(t, m, []answerTest{{name, dns.TypeA, "SERVFAIL"}, {name, dns.TypeSOA, "SERVFAIL"}})
	}
	answers(t, m, []answerTest{{"example.com.", dns.TypeA, "NOERROR"}})
	if m.Ready() {
		t.Error("it is ready")
	}
}

// "Handle all queries in the clusterset.local zone": the examples.
func TestReferenceExamples(t *testing.T) {
	for _, block := range []string{"multicluster clusterset.local", "multicluster clusterset.local {\nnoendpoints\n}"} {
		c := caddy.NewTestController("dns", block)
		c.ServerBlockKeys = []string{".:53"}
		m, err := parse(c)
		if err != nil || len(m.zones.zones) != 1 || m.zones.zones[0].name != clusterset {
			t.Errorf("%s: %v, %v", block, m, err)
		}
	}
}

// TestNoEndpointsLikeZonegen compares with what zonegen itself writes with
// --no-endpoints: every name of random clustersets, of which many have services without
// ports, and addresses that are those of endpoints and of services.
func TestNoEndpointsLikeZonegen(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 78))
		full, without := newSet(t, zone.Options{}), newSet(t, zone.Options{NoEndpoints: true})
		changes := zone.Changes{
			Services:   randomServices(rng, 1+rng.IntN(25)),
			Namespaces: []string{"n0", "n1", "n2", "n3", "n4"},
		}
		if seed == 0 {
			changes.Services = []zone.Service{portless()}
		}
		full.Apply(changes)
		without.Apply(changes)
		ours, theirs := loaded(t, texts(full, 1), noEndpoints), loaded(t, texts(without, 1))
		for _, name := range names(t, rng, texts(full, 1)) {
			if strings.HasPrefix(strings.ToLower(name), "_zonegen.") {
				continue
			}
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypePTR} {
				r := question(name, qtype)
				if got, want := brief(ask(t, ours, r)), brief(ask(t, theirs, r)); got != want {
					t.Errorf("seed %d: %s %s: %s, zonegen has %s", seed, name, dns.Type(qtype), got, want)
				}
			}
		}
	}
}

// portless is a service with an address of its own that is also that of its endpoint.
func portless() zone.Service {
	return zone.Service{
		Key: zone.Key{Namespace: "n1", Name: "portless"}, Type: zone.ClusterSetIP, IPs: []string{"10.2.0.1"},
		Slices: []zone.EndpointSlice{{Cluster: "east", Endpoints: []zone.Endpoint{{Addresses: []string{"10.2.0.1"}, Ready: true}}}},
	}
}

// TestNoEndpointsInAnyCase: names of files by other hands may have capitals.
func TestNoEndpointsInAnyCase(t *testing.T) {
	m := loaded(t, map[string]string{
		clusterset: plain(zoneFile(clusterset, 1,
			"Pg.Db.svc 5 A 10.0.0.1", "pg.Db.SVC 5 SRV 0 1 80 H.East.Pg.Db.svc", "h.east.pg.db.svc 5 A 10.0.0.1", "web.db.svc 5 A 10.0.0.2")),
		"in-addr.arpa.": plain(zoneFile("in-addr.arpa.", 1,
			"1.0.0.10 5 PTR H.East.Pg.Db.svc.ClusterSet.local.", "2.0.0.10 5 PTR Web.Db.svc.ClusterSet.local.")),
	}, noEndpoints)
	for name, want := range map[string]string{
		"pg.db.svc.clusterset.local.": "NXDOMAIN", "h.east.pg.db.svc.clusterset.local.": "NXDOMAIN", "1.0.0.10.in-addr.arpa.": "NXDOMAIN",
		"web.db.svc.clusterset.local.": "NOERROR A 10.0.0.2", "2.0.0.10.in-addr.arpa.": "NOERROR PTR Web.Db.svc.ClusterSet.local.",
	} {
		qtype := dns.TypeA
		if isReverse(name) {
			qtype = dns.TypePTR
		}
		if got := brief(ask(t, m, question(name, qtype))); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
}

func TestLeftOut(t *testing.T) {
	b := new(builder)
	b.begin("web.shop.svc." + clusterset)
	for name, want := range map[string]bool{
		"": false, "_http._tcp.": false, "_tcp.": false, "_zonegen.": false, "x._tcp.": false,
		"web-0.east.": true, "east.": true, "_x.east.": true, `\._tcp.east.`: true, `east\._tcp.`: true,
	} {
		if got := b.leftOut([]byte(name + b.branch)); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestIsEndpoint(t *testing.T) {
	zones := []string{"svc.example.", clusterset}
	for target, want := range map[string]bool{
		"web.shop.svc.clusterset.local.":         false,
		"h.east.web.shop.svc.clusterset.local.":  true,
		"h.east.svc.shop.svc.clusterset.local.":  true, // a service named svc
		"svc.shop.svc.clusterset.local.":         false,
		"a.b.svc.svc.example.":                   false,
		"h.c.a.b.svc.svc.example.":               true,
		"web.shop.svc.elsewhere.example.":        false,
		"h.east.web.shop.svc.elsewhere.example.": true,
		"host.example.":                          false,
		".":                                      false,
	} {
		if got := isEndpoint(target, zones); got != want {
			t.Errorf("%s: %v", target, got)
		}
	}
}
