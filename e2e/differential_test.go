package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// How long the differential test is: the first seed, and the number of states of the cluster. Each seed gives statesOfSeed
// of them.
const (
	seedEnv   = "ZONEGEN_E2E_SEED"
	statesEnv = "ZONEGEN_E2E_STATES"

	defaultSeed   = 1
	defaultStates = 120
	statesOfSeed  = 30
)

// TestDifferential shows random states of a cluster to zonegen, with a stock CoreDNS and one with our plugin that serve
// its files, and to CoreDNS' own in-memory implementation, and compares their answers to every name of either side and to names that
// must not exist. Where they differ on purpose, docs/records.md says so, and the answer must be what it says.
func TestDifferential(t *testing.T) {
	first, states := numberFromEnv(t, seedEnv, defaultSeed), numberFromEnv(t, statesEnv, defaultStates)
	api, d := newDifferential(t)
	start := time.Now()
	for round := range states {
		seed := first + round/statesOfSeed
		if round%statesOfSeed == 0 {
			if d.state != nil {
				d.state.drop()
			}
			d.state = newClusterState(t, api, uint64(seed))
		}
		for range 1 + d.state.rng.IntN(12) {
			d.state.mutate()
		}
		d.converge(api, round)
		d.compare()
		checkZone(t, clusterset, d.file)
		if t.Failed() {
			t.Fatalf("%s=%d %s=%d ends with this state:\n%s", seedEnv, seed, statesEnv, round%statesOfSeed+1, d.state.yaml())
		}
	}
	t.Logf("differential test: %d states, %d questions to each server, in %s; on purpose different: %v",
		states, d.questions, time.Since(start).Round(time.Second), d.excuses)
	if states < defaultStates {
		return // too few to reach all
	}
	for _, reason := range excuseNames() {
		if d.excuses[reason] == 0 {
			t.Errorf("no state showed the difference %q: the test does not reach it", reason)
		}
	}
}

func numberFromEnv(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s is not a number above 0", name, text)
	}
	return n
}

// newDifferential starts an API server, zonegen, and the servers to be compared.
func newDifferential(t testing.TB) (*apiServer, *differential) {
	t.Helper()
	api := privateAPI(t, "v1alpha1", "v1beta1")
	kubeconfig := api.kubeconfig(t)
	zones := map[string]string{"single": t.TempDir(), "chunked": t.TempDir()}
	for layout, dir := range zones {
		run(t, zonegen(t), "run", "--kubeconfig", kubeconfig, "--zone-dir", dir, "--layout", layout, "--min-interval", "10ms", "--deletion-guard", "0", "--http", "", "--log-level", "warn")
	}
	file := filepath.Join(zones["single"], "db.clusterset.local")
	eventually(t, "the first zone is there", func() error { _, err := os.Stat(file); return err })

	serve := func(plugin string, args ...any) *resolver {
		port := freePort(t)
		runCoreDNS(t, port, fmt.Sprintf(plugin, args...))
		return newResolver(t, "udp", port)
	}
	const ours = "multicluster clusterset.local {\n directory %s\n}"
	d := &differential{t: t, file: file, excuses: make(map[string]int)}
	d.full = &comparison{
		differential: d,
		oracle:       serve("%s", inMemory(kubeconfig)),
		ours: map[string]*resolver{
			"file":                    serve("file %s clusterset.local {\n reload 20ms\n}", file),
			"multicluster":            serve(ours, zones["single"]),
			"multicluster of chunked": serve(ours, zones["chunked"]),
		},
	}
	// CoreDNS 1.15 has no ears for noendpoints in a multicluster zone. Labels that no EndpointSlice has do what its README
	// says of noendpoints; they do not keep it from seeing ServiceImports.
	d.services = &comparison{
		differential: d,
		noendpoints:  true,
		oracle:       serve("%s", strings.Replace(inMemory(kubeconfig), "\n}", "\n noendpoints\n labels none=none\n}", 1)),
		ours:         map[string]*resolver{"multicluster with noendpoints": serve(strings.Replace(ours, "\n}", "\n noendpoints\n}", 1), zones["single"])},
	}
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

// differential compares servers.
type differential struct {
	t         testing.TB
	full      *comparison
	services  *comparison // with noendpoints; nil: none
	file      string
	state     *clusterState
	sentinels sentinels
	questions int
	excuses   map[string]int
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

// converge waits until all servers have seen all that has been written.
func (d *differential) converge(api *apiServer, round int) {
	d.t.Helper()
	suffix := fmt.Sprintf("%d.%d", round>>8, round&255)
	object := clusterSetIPImport("sentinel", "import", nil)
	api.modify(d.t, object, func() { object.Spec.IPs = []string{"10.255." + suffix} })
	api.modify(d.t, d.sentinels.slice, func() { d.sentinels.slice.Endpoints[0].Addresses = []string{"10.254." + suffix} })
	namespace := fmt.Sprintf("sentinel-%d", round)
	api.create(d.t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	addresses := map[string]string{"import.sentinel.": "10.255." + suffix, "slice.sentinel.": "10.254." + suffix}
	for _, server := range append(slices.Collect(maps.Values(d.full.ours)), d.full.oracle) {
		d.seen(server, addresses, namespace)
	}
	d.full.zone = readContents(d.t, d.file)
	if d.services == nil {
		return
	}
	delete(addresses, "slice.sentinel.") // hidden by noendpoints
	d.seen(d.services.oracle, addresses, namespace)
	d.services.zone = d.full.zone.withoutEndpoints(d.state)
	for _, server := range d.services.ours {
		eventually(d.t, "the server with noendpoints has loaded what the others have", func() error {
			answer := server.ask(clusterset, dns.TypeSOA)
			if got := answer.Answer[0].(*dns.SOA).Serial; got != d.full.zone.serial {
				return fmt.Errorf("serial %d, not %d", got, d.full.zone.serial)
			}
			return nil
		})
	}
}

// seen waits until a server knows the sentinels.
func (d *differential) seen(server *resolver, addresses map[string]string, namespace string) {
	d.t.Helper()
	eventually(d.t, "a server has seen the newest state", func() error {
		for name, want := range addresses {
			answer := server.ask(name+svc, dns.TypeA)
			if len(answer.Answer) != 1 || answer.Answer[0].(*dns.A).A.String() != want {
				return fmt.Errorf("%s is not %s but %v", name, want, answer.Answer)
			}
		}
		if answer := server.ask(namespace+"."+svc, dns.TypeA); answer.Rcode != dns.RcodeSuccess {
			return fmt.Errorf("namespace %s: %s", namespace, dns.RcodeToString[answer.Rcode])
		}
		return nil
	})
}

// compare asks all servers for everything.
func (d *differential) compare() {
	d.t.Helper()
	d.compareNames(d.names())
}

// names are those that the state and the zone file could give rise to, in order.
func (d *differential) names() []string {
	names := d.state.names()
	for owner := range d.full.zone.records {
		if !strings.Contains(owner, ".sentinel") {
			names[owner] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// compareNames asks all servers for these names, and for the apex.
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
	query := new(dns.Msg).SetQuestion(name, qtype)
	query.RecursionDesired = d.questions%2 == 0
	query.CheckingDisabled = d.questions%3 == 0
	query.AuthenticatedData = d.questions%5 == 0
	query.SetEdns0(32768, d.questions%7 == 0) // so that large answers fit
	d.questions++
	d.full.compare(query)
	if d.services != nil {
		d.services.compare(query)
	}
}

// isLabel reports whether s is a DNS label as RFC 1123 has it.
func isLabel(s string) bool {
	return s != "" && len(s) < 64 && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && !strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-")
}
