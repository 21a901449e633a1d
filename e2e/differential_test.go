package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	clusterset = "clusterset.local."
	svc        = "svc." + clusterset
)

// differentialStates is how many states of the cluster the differential test compares.
const differentialStates = 120

// TestDifferential shows random states of a cluster to zonegen, with a stock CoreDNS and one with our plugin that serve
// its file, and to CoreDNS' own in-memory implementation, and compares their answers to every name of either side and to names that
// must not exist. Where they differ on purpose, docs/records.md says so, and the answer must be what it says.
func TestDifferential(t *testing.T) {
	api, d := newDifferential(t)
	start := time.Now()
	for round := range differentialStates {
		if round%30 == 0 {
			if d.state != nil {
				d.state.drop()
			}
			d.state = newClusterState(t, api, uint64(round/30+1))
		}
		for range 1 + d.state.rng.IntN(12) {
			d.state.mutate()
		}
		d.converge(api, round)
		d.compare()
		checkZone(t, clusterset, d.file)
		if t.Failed() {
			t.Fatalf("state %d of seed %d:\n%s", round%30, round/30+1, d.state.yaml())
		}
	}
	t.Logf("differential test: %d states, %d queries to each side, in %s; on purpose different: %v",
		differentialStates, d.queries, time.Since(start).Round(time.Second), d.excuses)
	for _, reason := range excuseNames() {
		if d.excuses[reason] == 0 {
			t.Errorf("no state showed the difference %q: the test does not reach it", reason)
		}
	}
}

// newDifferential starts an API server, zonegen, and the servers to be compared.
func newDifferential(t testing.TB) (*apiServer, *differential) {
	t.Helper()
	api := privateAPI(t, "v1alpha1", "v1beta1")
	kubeconfig := api.kubeconfig(t)
	zones := t.TempDir()
	run(t, zonegen(t), "run", "--kubeconfig", kubeconfig, "--zone-dir", zones, "--min-interval", "10ms", "--http", "", "--log-level", "warn")
	file := filepath.Join(zones, "db.clusterset.local")
	eventually(t, "the first zone is there", func() error { _, err := os.Stat(file); return err })

	d := &differential{t: t, file: file, ours: make(map[string]*resolver), excuses: make(map[string]int)}
	serve := func(plugins string) *resolver {
		port := freePort(t)
		runCoreDNS(t, port, plugins)
		return newResolver(t, "udp", port)
	}
	d.oracle = serve(fmt.Sprintf("kubernetes clusterset.local {\n multicluster clusterset.local\n kubeconfig %s\n}", kubeconfig))
	d.ours["file"] = serve(fmt.Sprintf("file %s clusterset.local {\n reload 20ms\n}", file))
	d.ours["multicluster"] = serve(fmt.Sprintf("multicluster clusterset.local {\n directory %s\n}", zones))
	d.newSentinels(api)
	return api, d
}

// runCoreDNS starts a CoreDNS that serves one server block on a port.
func runCoreDNS(t testing.TB, port int, plugins string) *process {
	t.Helper()
	return runCoreDNSOn(t, "", port, plugins)
}

// runCoreDNSOn is runCoreDNS on one core only, if it is not empty.
func runCoreDNSOn(t testing.TB, core string, port int, plugins string) *process {
	t.Helper()
	p := runOn(t, core, coredns(t), "-conf", corefile(t, port, plugins))
	p.waitOutput("CoreDNS-")
	return p
}

// corefile writes a Corefile with one server block on a port, and returns its path.
func corefile(t testing.TB, port int, plugins string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Corefile")
	text := fmt.Sprintf(".:%d {\n bind 127.0.0.1\n errors\n %s\n}\n", port, plugins)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// differential compares two servers.
type differential struct {
	t         testing.TB
	oracle    *resolver
	ours      map[string]*resolver // by the plugin that serves the zone file
	file      string
	state     *clusterState
	sentinels sentinels
	queries   int
	excuses   map[string]int
	owners    map[string]map[uint16]bool // of the zone file, with their types
}

// sentinels are one object of each kind. Each kind is watched in order, so whoever knows the last version of all three
// knows all that happened before.
type sentinels struct {
	namespace string
	slice     *discoveryv1.EndpointSlice
}

func (d *differential) newSentinels(api *apiServer) {
	d.t.Helper()
	api.create(d.t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "sentinel"}})
	headless := headlessImport("sentinel", "slice")
	api.create(d.t, headless, clusterSetIPImport("sentinel", "import", []string{"10.255.0.0"}, importPort("http", "TCP", 80)))
	d.sentinels.slice = endpointSlice(headless, "east", readyEndpoint("", "10.254.0.0"))
	api.create(d.t, d.sentinels.slice)
}

// converge waits until both servers have seen all that has been written.
func (d *differential) converge(api *apiServer, round int) {
	d.t.Helper()
	suffix := fmt.Sprintf("%d.%d", round>>8, round&255)
	object := clusterSetIPImport("sentinel", "import", nil)
	api.modify(d.t, object, func() { object.Spec.IPs = []string{"10.255." + suffix} })
	api.modify(d.t, d.sentinels.slice, func() { d.sentinels.slice.Endpoints[0].Addresses = []string{"10.254." + suffix} })
	namespace := fmt.Sprintf("sentinel-%d", round)
	api.create(d.t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	for _, server := range append(slices.Collect(maps.Values(d.ours)), d.oracle) {
		eventually(d.t, "a server has seen the newest state", func() error {
			for name, want := range map[string]string{"import.sentinel.": "10.255." + suffix, "slice.sentinel.": "10.254." + suffix} {
				answer := d.ask(server, name+svc, dns.TypeA)
				if len(answer.Answer) != 1 || answer.Answer[0].(*dns.A).A.String() != want {
					return fmt.Errorf("%s is not %s but %v", name, want, answer.Answer)
				}
			}
			if answer := d.ask(server, namespace+"."+svc, dns.TypeA); answer.Rcode != dns.RcodeSuccess {
				return fmt.Errorf("namespace %s: %s", namespace, dns.RcodeToString[answer.Rcode])
			}
			return nil
		})
	}
	d.readOwners()
}

// ask asks in a way that large answers fit.
func (d *differential) ask(server *resolver, name string, qtype uint16) *dns.Msg {
	d.t.Helper()
	query := new(dns.Msg).SetQuestion(name, qtype)
	query.SetEdns0(32768, false)
	answer := server.exchange(query)
	if answer.Truncated {
		d.t.Fatalf("the answer for %s %s is truncated", name, dns.TypeToString[qtype])
	}
	return answer
}

// readOwners reads the names of the zone file and their types, for the excuses.
func (d *differential) readOwners() {
	d.t.Helper()
	f, err := os.Open(d.file)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	d.owners = make(map[string]map[uint16]bool)
	zp := dns.NewZoneParser(f, clusterset, d.file)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		h := rr.Header()
		if d.owners[h.Name] == nil {
			d.owners[h.Name] = make(map[uint16]bool)
		}
		d.owners[h.Name][h.Rrtype] = true
	}
	if err := zp.Err(); err != nil {
		d.t.Fatal(err)
	}
}

// compare asks both servers for everything.
func (d *differential) compare() {
	d.t.Helper()
	d.compareNames(d.names())
}

// names are those that the state and the zone file could give rise to, in order.
func (d *differential) names() []string {
	names := d.state.names()
	for owner := range d.owners {
		if !strings.Contains(owner, ".sentinel") {
			names[owner] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// compareNames asks both servers for these names, and for the apex.
func (d *differential) compareNames(names []string) {
	d.t.Helper()
	types := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeTXT}
	rare := []uint16{dns.TypeCNAME, dns.TypeMX, dns.TypePTR, dns.TypeNS, dns.TypeDS, dns.TypeHTTPS, dns.TypeCAA}
	for i, name := range names {
		if i%5 == 0 {
			name = strings.ToUpper(name[:1]) + name[1:]
		}
		for _, qtype := range append(types, rare[i%len(rare)]) {
			d.compareOne(name, qtype)
		}
	}
	d.compareOne(clusterset, dns.TypeSOA)
}

func (d *differential) compareOne(name string, qtype uint16) {
	d.t.Helper()
	q := newQuestion(name, qtype)
	var oracle *dns.Msg
	if !d.silences(q) {
		d.queries++
		oracle = d.ask(d.oracle, name, qtype)
	}
	for server, resolver := range d.ours {
		ours, wrong := d.ask(resolver, name, qtype), ""
		if oracle == nil {
			wrong = noLabel.check(d, q, nil, ours)
		} else {
			wrong = d.judge(q, oracle, ours)
		}
		if wrong != "" {
			d.t.Errorf("%s %s: %s\nin memory: %q\n%s: %q", name, dns.TypeToString[qtype], wrong, canonical(oracle), server, canonical(ours))
		}
	}
}

// judge returns what is wrong with an answer of ours.
func (d *differential) judge(q question, oracle, ours *dns.Msg) string {
	if slices.Equal(canonical(oracle), canonical(ours)) {
		return ""
	}
	for _, e := range excuses {
		if e.applies(d, q) {
			d.excuses[e.name]++
			if wrong := e.check(d, q, oracle, ours); wrong != "" {
				return fmt.Sprintf("the difference %q is not as it should be: %s", e.name, wrong)
			}
			return ""
		}
	}
	return "the answers differ"
}

// canonical is what must be equal of an answer: the code, the records in lower case without their order, and with a
// negative answer the SOA but for its serial.
func canonical(m *dns.Msg) []string {
	if m == nil {
		return nil // it was not asked
	}
	lines := []string{dns.RcodeToString[m.Rcode], fmt.Sprint("authoritative ", m.Authoritative)}
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		if soa, ok := rr.(*dns.SOA); ok {
			soa.Serial = 0
		} else if slices.Contains(m.Ns, rr) {
			continue // the in-memory plugin has no NS there
		}
		lines = append(lines, strings.ToLower(strings.Join(strings.Fields(rr.String()), " ")))
	}
	slices.Sort(lines[2:])
	return lines
}

// isLabel reports whether s is a DNS label as RFC 1123 has it.
func isLabel(s string) bool {
	return s != "" && len(s) < 64 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && !strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-")
}
