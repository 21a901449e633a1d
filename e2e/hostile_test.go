package e2e

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// hostile is a service with something in it that must not get into a zone, and the one that is left of it.
type hostile struct {
	what  string
	bad   service
	good  *service // what bad is published as; nil if it is not
	text  string   // of its records, if no other service has the same
	drops []string // "REASON FIELD" of all that is left out
	// refused says that the API does not let it through, so that we hear of it when that changes.
	refused bool
}

// service is a ServiceImport and an EndpointSlice for it, as they are sent to the API: any text, any number.
type service struct {
	namespace string // a suffix of the test's namespace
	name      string // empty for one that the test makes
	headless  bool
	ips       []string
	ports     []map[string]any
	slice     func(*discoveryv1.EndpointSlice) // changes one of two endpoints; nil for no slice
}

func port(name, protocol string, number int64) map[string]any {
	return map[string]any{"name": name, "protocol": protocol, "port": number}
}

// texts are what the API takes for an address, the name of a port or a protocol, since it looks at neither.
var hostileTexts = map[string]string{
	"line break":            "10.0.0.1\n@ 5 A 10.6.6.6",
	"line break of Windows": "http\r\n$INCLUDE /etc/passwd\r\n",
	"$INCLUDE":              "$INCLUDE /etc/passwd",
	"$GENERATE":             "$GENERATE 1-65535 x$ A 10.6.6.6",
	"$ORIGIN":               "\n$ORIGIN example.com.\n",
	"comment":               "10.0.0.1;",
	"quote":                 `"`,
	"quoted":                `"http"`,
	"backslash":             `\`,
	"escape":                `\010`,
	"apex":                  "@",
	"wildcard":              "*",
	"NUL":                   "ht\x00tp",
	"terminal":              "\x1b[2J\x1b]0;x\x07",
	"UTF-8":                 "hétp",
	"homograph":             "httр", // the last letter is Cyrillic
	"Kelvin sign":           "k\u212a",
	"full width":            "ｈｔｔｐ",
	"right to left":         "\u202eptth",
	"line separator":        "a\u2028@ 5 A 10.6.6.6",
	"64 octets":             strings.Repeat("a", 64),
	"256 octets":            strings.Repeat("a.", 128),
	"very long":             strings.Repeat("a", 200_000),
	"parenthesis":           "(",
	"blank":                 " ",
	"tabulator":             "a\tb",
	"dots":                  "..",
	"hyphen at the end":     "a-",
	"underscore":            "_http",
	"name":                  "web.example.com.",
	"unspecified":           "0.0.0.0",
	"unspecified, IPv6":     "::",
	"multicast":             "ff02::1",
	"scoped":                "fe80::1%eth0",
	"mapped, unspecified":   "::ffff:0.0.0.0",
	"too large a number":    "10.0.0.256",
	"octal":                 "010.0.0.1",
	"network":               "10.0.0.0/8",
	"with a port":           "10.0.0.1:80",
	"blank before":          " 10.0.0.1",
}

func hostiles() []hostile {
	const ip = "10.128.0.10"
	http := port("http", "TCP", 80)
	var all []hostile
	for _, what := range slices.Sorted(maps.Keys(hostileTexts)) {
		text := hostileTexts[what]
		all = append(all, hostile{
			what: what,
			bad:  service{ips: []string{text, ip}, ports: []map[string]any{port(text, "TCP", 80), port("odd", text, 81), port("sql", "TCP", 82)}},
			good: &service{ips: []string{ip}, ports: []map[string]any{port("", "TCP", 80), port("sql", "TCP", 82)}},
			drops: []string{
				"address spec.ips[0]", "port-name spec.ports[0].name", "protocol spec.ports[1].protocol",
			},
		})
	}
	for _, number := range []int64{0, -1, 65536, 1<<31 - 1, -1 << 31} {
		all = append(all, hostile{
			what:  fmt.Sprintf("port %d", number),
			bad:   service{ips: []string{ip}, ports: []map[string]any{port("odd", "TCP", number), http}},
			good:  &service{ips: []string{ip}, ports: []map[string]any{http}},
			drops: []string{"port spec.ports[0]"},
		})
	}
	long := strings.Repeat("a", 63)
	sliced := func(change func(*discoveryv1.EndpointSlice)) service {
		return service{headless: true, ports: []map[string]any{http}, slice: change}
	}
	plain := sliced(func(*discoveryv1.EndpointSlice) {})
	label := func(cluster string) service {
		return sliced(func(s *discoveryv1.EndpointSlice) { s.Labels[mcsv1beta1.LabelSourceCluster] = cluster })
	}
	named := sliced(func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Hostname = ptr("web-0") })
	nameless := sliced(func(s *discoveryv1.EndpointSlice) { s.Labels[mcsv1beta1.LabelSourceCluster] = "" })
	// Of endpoints that have no names of their own.
	const withoutNames = " ; headless\n@ 5 A 10.1.0.1\n@ 5 A 10.1.0.2"
	const clusterField = "cluster metadata.labels[multicluster.kubernetes.io/source-cluster]"
	all = append(
		all,
		hostile{what: "port 2³¹", bad: service{ips: []string{ip}, ports: []map[string]any{port("odd", "TCP", 1<<31), http}}, refused: true},
		hostile{
			what: "IPv4-mapped address", bad: service{ips: []string{"::ffff:10.128.0.11"}, ports: []map[string]any{http}},
			good: &service{ips: []string{"10.128.0.11"}, ports: []map[string]any{http}},
		},
		hostile{
			what: "upper case", bad: service{ips: []string{"FD00::A"}, ports: []map[string]any{port("HTTP", "tcp", 80)}},
			good: &service{ips: []string{"fd00::a"}, ports: []map[string]any{http}},
		},
		hostile{
			what: "name with dots", bad: service{name: "web.example", ips: []string{ip}},
			drops: []string{"name metadata.name"},
		},
		hostile{
			what: "name of 253 octets", bad: service{name: strings.Repeat("a.", 126) + "a", ips: []string{ip}},
			drops: []string{"name metadata.name"},
		},
		hostile{
			what: "name of 64 octets", bad: service{name: long + "b", ips: []string{ip}},
			drops: []string{"name metadata.name"},
		},
		hostile{what: "name in upper case", bad: service{name: "WEB", ips: []string{ip}}, refused: true},
		hostile{
			what: "names of 63 octets all the way", bad: service{namespace: "long", name: long, headless: true, ports: []map[string]any{http}, slice: func(s *discoveryv1.EndpointSlice) {
				s.Labels[mcsv1beta1.LabelSourceCluster] = long
				s.Endpoints[0].Hostname = ptr(long)
			}},
			// Named after its address, the other has a name that is short enough.
			text: " ; headless\n@ 5 A 10.1.0.1\n@ 5 A 10.1.0.2\n@ 5 SRV 0 100 80 10-1-0-2." + long +
				"\n_http._tcp 5 SRV 0 100 80 10-1-0-2." + long + "\n10-1-0-2." + long + " 5 A 10.1.0.2",
			drops: []string{"too-long endpoints[0]"},
		},
		hostile{what: "cluster in upper case", bad: label("EAST"), good: &plain},
		hostile{what: "cluster with dots", bad: label("east.example.com"), text: withoutNames, drops: []string{clusterField}},
		hostile{what: "cluster with an underscore", bad: label("east_1"), text: withoutNames, drops: []string{clusterField}},
		hostile{what: "cluster without a name", bad: nameless, text: withoutNames, drops: []string{clusterField}},
		hostile{what: "hostname in upper case", bad: sliced(func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Hostname = ptr("WEB-0") }), good: &named, refused: true},
		hostile{what: "hostname with dots", bad: sliced(func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Hostname = ptr("web.0") }), refused: true},
		hostile{what: "hostname with a line break", bad: sliced(func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Hostname = ptr("web\n@") }), refused: true},
		hostile{what: "unspecified address of an endpoint", bad: sliced(func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses = []string{"0.0.0.0"} }), refused: true},
		hostile{what: "scoped address of an endpoint", bad: sliced(func(s *discoveryv1.EndpointSlice) {
			s.AddressType, s.Endpoints = discoveryv1.AddressTypeIPv6, s.Endpoints[:1]
			s.Endpoints[0].Addresses = []string{"fe80::1%eth0"}
		}), refused: true},
		hostile{
			what: "host names for addresses",
			bad: sliced(func(s *discoveryv1.EndpointSlice) {
				s.AddressType, s.Endpoints = discoveryv1.AddressTypeFQDN, s.Endpoints[:1]
				s.Endpoints[0].Addresses = []string{"web.example.com"}
			}),
			drops: []string{"address endpoints[0].addresses[0]"},
		},
		hostile{
			what:  "port name of 63 octets in a slice",
			bad:   sliced(func(s *discoveryv1.EndpointSlice) { s.Ports[0].Name = &long }),
			good:  ptr(sliced(func(s *discoveryv1.EndpointSlice) { s.Ports[0].Name = ptr("") })),
			drops: []string{"port-name ports[0].name"},
		},
		hostile{what: "port name with a line break in a slice", bad: sliced(func(s *discoveryv1.EndpointSlice) { s.Ports[0].Name = ptr("a\n@") }), refused: true},
	)
	return all
}

func ptr[T any](v T) *T { return &v }

// objects are the service's, in that namespace and of that name unless it has its own.
func (s service) objects(namespace, name string) []client.Object {
	if s.name != "" {
		name = s.name
	}
	kind := string(mcsv1beta1.ClusterSetIP)
	if s.headless {
		kind = string(mcsv1beta1.Headless)
	}
	ports := []any{}
	for _, p := range s.ports {
		ports = append(ports, p)
	}
	spec := map[string]any{"type": kind, "ports": ports}
	if s.ips != nil {
		ips := []any{}
		for _, ip := range s.ips {
			ips = append(ips, ip)
		}
		spec["ips"] = ips
	}
	imported := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	imported.SetAPIVersion(mcsv1beta1.GroupVersion.String())
	imported.SetKind(mcsv1beta1.ServiceImportKindName)
	imported.SetNamespace(namespace)
	imported.SetName(name)
	if s.slice == nil {
		return []client.Object{imported}
	}
	of := headlessImport(namespace, name, importPort("http", corev1.ProtocolTCP, 80))
	slice := endpointSlice(of, "east", readyEndpoint("", "10.1.0.1"), readyEndpoint("", "10.1.0.2"))
	slice.GenerateName = "slice-"
	s.slice(slice)
	return []client.Object{imported, slice}
}

// TestHostileInput stores, through the API, whatever it lets through: the services beside are published unharmed, and
// what is left of the hostile one; all that is left out is logged, counted, and told in an Event.
func TestHostileInput(t *testing.T) {
	api := sharedAPI(t)
	ns := api.newNamespace(t, "hostile-")
	long := api.newNamespace(t, (ns + strings.Repeat("-long", 13))[:63])
	inNamespace := func(s service) string {
		if s.namespace != "" {
			return long
		}
		return ns
	}
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	counter := func(reason string) string { return fmt.Sprintf("zonegen_dropped_input_total{reason=%q}", reason) }
	before := make(map[string]float64)
	for _, reason := range []string{"address", "cluster", "hostname", "name", "port", "port-name", "protocol", "too-long"} {
		v, err := d.value(counter(reason))
		if err != nil {
			t.Fatal(err)
		}
		before[reason] = v
	}

	rows := hostiles()
	imports := make(map[string]string) // of a row, by what it is
	counts := maps.Clone(before)
	for i, row := range rows {
		if row.good != nil {
			api.create(t, row.good.objects(inNamespace(*row.good), fmt.Sprintf("good-%d", i))...)
		}
		var err error
		objects := row.bad.objects(inNamespace(row.bad), fmt.Sprintf("bad-%d", i))
		for _, object := range objects {
			if err = api.Create(t.Context(), object); err != nil {
				break
			}
		}
		if refused := apierrors.IsInvalid(err); refused != row.refused || err != nil && !refused {
			t.Errorf("%s: the API refuses it: %t, want %t (%v)", row.what, refused, row.refused, err)
		}
		imports[row.what] = objects[0].GetName()
		for _, drop := range row.drops {
			counts[strings.Fields(drop)[0]]++
		}
	}
	last := clusterSetIPImport(ns, "last", []string{"10.128.0.99"})
	api.create(t, last)
	d.eventually("what came last is published", func() error {
		if !strings.Contains(readFile(t, d.file(clusterset)), "$ORIGIN last."+ns+"."+svc+"\n") {
			return fmt.Errorf("no")
		}
		return nil
	})
	for reason, want := range counts {
		d.waitValue(counter(reason), equals(want))
	}
	told := func(row hostile, drop string) *regexp.Regexp {
		reason, field, _ := strings.Cut(drop, " ")
		return regexp.MustCompile(`(?m)^time=.* msg="left out" namespace=` + inNamespace(row.bad) + ` service=` + imports[row.what] +
			` reason=` + reason + ` field=(endpointslice/[a-z0-9-]+/)?` + regexp.QuoteMeta(field) + ` `)
	}
	compare := func() {
		t.Helper()
		text := readFile(t, d.file(clusterset))
		for i, row := range rows {
			got := blockOf(text, imports[row.what]+"."+inNamespace(row.bad)+"."+svc)
			switch {
			case row.refused:
			case row.good == nil:
				if got != row.text {
					t.Errorf("%s: got\n%s\nwant\n%s", row.what, got, row.text)
				}
			default:
				good := row.good.objects("", fmt.Sprintf("good-%d", i))[0].GetName()
				if want := blockOf(text, good+"."+inNamespace(*row.good)+"."+svc); got != want || want == "" {
					t.Errorf("%s: got\n%s\nwant\n%s", row.what, got, want)
				}
			}
			for _, drop := range row.drops {
				if !told(row, drop).MatchString(d.output()) {
					t.Errorf("%s: the log does not tell %q", row.what, drop)
				}
			}
		}
		for line := range strings.Lines(d.output()) {
			if !strings.HasPrefix(line, "time=") || strings.ContainsFunc(strings.TrimSuffix(line, "\n"), func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Errorf("a line in the log that is not zonegen's own, or not plain: %q", line)
			}
		}
		names := 0
		for _, rr := range readZone(t, "in-addr.arpa.", d.file("in-addr.arpa.")) {
			if rr.Header().Name == "10.0.128.10.in-addr.arpa." {
				names++
			}
		}
		if names != 1 {
			t.Errorf("%d reverse names of an address that many services have", names)
		}
		d.checkAll()
	}
	compare()
	d.eventually("each has an Event", func() error {
		var events corev1.EventList
		if err := api.List(t.Context(), &events); err != nil {
			return err
		}
		for _, row := range rows {
			for _, drop := range row.drops {
				_, field, _ := strings.Cut(drop, " ")
				if !slices.ContainsFunc(events.Items, func(e corev1.Event) bool {
					return e.Reason == "LeftOut" && e.InvolvedObject.Name == imports[row.what] && e.Namespace == inNamespace(row.bad) && strings.Contains(e.Message, field+" ")
				}) {
					return fmt.Errorf("%s: none that tells %q", row.what, drop)
				}
			}
		}
		return nil
	})

	// A list is read as what was watched.
	d.stop()
	d.restart()
	d.ready()
	compare()
}

// blockOf is the records of a service in the text of a zone, without its name.
func blockOf(text, name string) string {
	_, rest, found := strings.Cut(text, "$ORIGIN "+name)
	if !found {
		return ""
	}
	block, _, _ := strings.Cut(rest, "\n$")
	block, _, _ = strings.Cut(block, "\n; End of serial")
	return block
}
