package e2e

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"
)

// secondariesConfig is what the secondaries are told beside what the examples say: to transfer their zones to the test,
// NSD to say what it got, and BIND and NSD to take more than one or two changes a second.
var secondariesConfig = map[string][]string{
	"named.conf": {
		"allow-transfer { none; };", "allow-transfer { 127.0.0.1; };\n    serial-query-rate 1000;",
	},
	"nsd.conf": {
		"    zonesdir:", "    xfrd-reload-timeout: 0\n    verbosity: 1\n    zonesdir:",
		"    zonefile:", "    provide-xfr: 127.0.0.1 NOKEY\n    zonefile:",
	},
	"knot.conf": {
		"template:\n", "  - id: reader\n    address: 127.0.0.1\n    action: transfer\n\ntemplate:\n",
		"    acl: zonegen-notifies", "    acl: [zonegen-notifies, reader]",
	},
}

const (
	// secondariesJournal is how many versions the primary's journal has.
	secondariesJournal = 60
	// secondariesChanges is how many changes the secondaries must follow.
	secondariesChanges = 500
)

// following is a clusterset that changes, its primary, and the secondaries.
type following struct {
	*hiddenPrimary
	clusterset *restless
	http       string // where the primary has its metrics
	zones      string // the folder
	notified   *notified
	rounds     int
	versions   int // of clusterset.local that the primary has loaded in its earlier lives

	sent map[string]*transfers // by the primary, and to each secondary, in the lives that have ended

	mu  sync.Mutex
	lag map[string][]time.Duration // from a change until each server had it
}

// TestSecondaries has BIND, NSD, Knot and CoreDNS follow a clusterset that changes, from a primary that is restarted, and
// while they themselves are away. All have the whole zones after each change, or burst of them.
func TestSecondaries(t *testing.T) {
	f := follow(t)
	f.round(1)

	// One version after the other, each of which is notified once.
	loads, notes := f.loads(), f.notified.of(clusterset)
	for range 50 {
		f.round(1)
	}
	loads, notes = f.loads()-loads, f.notified.of(clusterset)-notes
	if loads < 50 || notes != loads {
		t.Errorf("%d versions in 50 rounds, and %d NOTIFY messages", loads, notes)
	}

	events := map[int]func(){
		60:  func() { f.restartPrimary(0) },
		80:  func() { f.restartPrimary(1) }, // which then does not know the version that the secondaries have
		100: func() { f.away(secondariesJournal / 4) },
		120: func() { f.away(secondariesJournal + 5) },
	}
	rng := rand.New(rand.NewPCG(1996, 1))
	for f.clusterset.changes < secondariesChanges || len(events) > 0 {
		changes := 1
		if rng.IntN(2) == 0 {
			changes = 2 + rng.IntN(10)
		}
		f.round(changes)
		if event := events[f.rounds]; event != nil {
			delete(events, f.rounds)
			event()
		}
	}
	f.report()
}

// follow starts all.
func follow(t testing.TB) *following {
	t.Helper()
	manifests, zones := t.TempDir(), t.TempDir()
	f := &following{
		clusterset: newRestless(t, manifests, 1), zones: zones, notified: newNotified(t),
		http: "http://" + loopback(freePort(t)), lag: make(map[string][]time.Duration), sent: make(map[string]*transfers),
	}
	run(t, zonegen(t), "run", "-f", manifests, "--zone-dir", zones, "--http", loopback(freePort(t)), "--min-interval", "1ms",
		"--deletion-guard", "0"). // not the matter here
		waitOutput("msg=ready")

	// CoreDNS as a secondary has a server block of its own at the primary, which the example shows.
	unsigned, port := freePort(t), freePort(t)
	example := readFile(t, "../examples/corefiles/hidden-primary/Corefile.secondary")
	var block []string
	for _, m := range regexp.MustCompile(`(?m)^#     (.*)$`).FindAllStringSubmatch(example, -1) {
		block = append(block, m[1])
	}
	own := strings.NewReplacer(":1054", fmt.Sprintf(":%d", unsigned), "192.0.2.1", "127.0.0.1", "/zones", zones, "192.0.2.54:53", loopback(port)).
		Replace(strings.Join(block, "\n"))
	more := maps.Clone(secondariesConfig)
	more["Corefile"] = []string{
		"    multicluster {", fmt.Sprintf("    multicluster {\n        journal %d", secondariesJournal),
		"    transfer {", "    transfer {\n        to " + f.notified.address,
		"prometheus :9153\n}\n", "prometheus " + strings.TrimPrefix(f.http, "http://") + "\n}\n" + own,
	}
	f.hiddenPrimary = runHiddenPrimary(t, zones, more)
	corefile := exampleConfig(t, "hidden-primary/Corefile.secondary",
		":1054", fmt.Sprintf(":%d", unsigned), "local:53", fmt.Sprintf("local:%d", port), "arpa:53", fmt.Sprintf("arpa:%d", port),
		"192.0.2.1", "127.0.0.1", "192.0.2.54", "127.0.0.1")
	text := strings.Replace(readFile(t, corefile), "\n    errors", "\n    transfer {\n        to *\n    }\n    errors", 1)
	if err := os.WriteFile(corefile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f.start("CoreDNS", port, "CoreDNS-", coredns(t), "-conf", corefile)
	return f
}

// round makes so many changes, each as soon as the primary has the one before, and waits until all secondaries have the
// last.
func (f *following) round(changes int) {
	f.t.Helper()
	f.rounds++
	var start time.Time
	for range changes {
		start = time.Now()
		f.change()
	}
	if changes == 1 {
		f.took("the primary", start)
	}
	f.converge(start, changes == 1)
}

// change makes a change and waits until the primary has it in all zones.
func (f *following) change() {
	f.t.Helper()
	f.clusterset.change()
	f.served()
}

// served waits until the primary has the last change in all zones.
func (f *following) served() {
	f.t.Helper()
	ask := func(name string, question uint16) (string, error) {
		m, err := dns.Exchange(new(dns.Msg).SetQuestion(name, question), loopback(f.port))
		if err != nil {
			return "", err
		}
		if len(m.Answer) != 1 {
			return dns.RcodeToString[m.Rcode], nil
		}
		return dns.Field(m.Answer[0], 1), nil
	}
	f.primary.eventually("the primary has the last change", func() error {
		for i, last := range f.clusterset.last {
			reverse, err := dns.ReverseAddr(last.address)
			if err != nil {
				return err
			}
			address, err := ask(last.name, []uint16{dns.TypeA, dns.TypeAAAA}[i])
			if err != nil {
				return err
			}
			name, err := ask(reverse, dns.TypePTR)
			if err != nil {
				return err
			}
			if address != last.address || name != last.name {
				return fmt.Errorf("%s has address %s, and %s has name %s", last.name, address, last.address, name)
			}
		}
		return nil
	})
}

// converge waits until all secondaries have the versions that the primary has, and compares the whole zones.
func (f *following) converge(start time.Time, measured bool) {
	f.t.Helper()
	want := make(map[string][]string)
	serials := make(map[string]uint32)
	for _, zone := range allZones {
		records, err := f.axfr(f.port, zone, true)
		if err != nil {
			f.t.Fatalf("the primary's %s: %v", zone, err)
		}
		serials[zone], want[zone] = records[0].(*dns.SOA).Serial, texts(records)
	}
	var group errgroup.Group
	for name, s := range f.secondaries {
		group.Go(func() error {
			reminded := time.Now()
			err := poll(patience, func() error {
				for _, zone := range allZones {
					m, err := dns.Exchange(new(dns.Msg).SetQuestion(zone, dns.TypeSOA), loopback(s.port))
					if err != nil {
						return err
					}
					if soa, ok := first(m).(*dns.SOA); !ok || soa.Serial != serials[zone] {
						if name == "CoreDNS" && time.Since(reminded) > patience/6 {
							reminded = time.Now()
							f.remind(s, zone)
						}
						return fmt.Errorf("%s: %v, not serial %d", zone, m.Answer, serials[zone])
					}
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("%s: not within %s: %w", name, patience, err)
			}
			if measured {
				f.took(name, start)
			}
			for _, zone := range allZones {
				var records []dns.RR
				err := poll(patience, func() (err error) {
					// NSD goes on with a new process each time. The old one may still answer, or close the connection.
					if records, err = f.axfr(s.port, zone, false); err == nil && records[0].(*dns.SOA).Serial != serials[zone] {
						err = fmt.Errorf("transfers %s", records[0])
					}
					return err
				})
				if err != nil {
					return fmt.Errorf("%s: %s: %w", name, zone, err)
				}
				if got := texts(records); !slices.Equal(got, want[zone]) {
					return fmt.Errorf("%s has %d records in %s, not %d; too many: %q, too few: %q", name, len(got), zone, len(want[zone]),
						without(got, want[zone]), without(want[zone], got))
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		f.t.Fatalf("round %d: %v", f.rounds, err)
	}
}

// remind notifies CoreDNS once more. If the primary takes longer than two seconds, as it may on a machine that is busy
// with others, CoreDNS drops the transfer, and asks again after the SOA's refresh only: in two hours.
func (f *following) remind(coredns *secondary, zone string) {
	_, err := dns.Exchange(new(dns.Msg).SetNotify(zone), loopback(coredns.port))
	f.t.Logf("CoreDNS is reminded of %s: %v", zone, err)
}

// without is the lines that sorted others do not have.
func without(lines, others []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		_, found := slices.BinarySearch(others, line)
		return found
	})
}

// first is the first record of an answer, nil if there is none.
func first(m *dns.Msg) dns.RR {
	if len(m.Answer) == 0 {
		return nil
	}
	return m.Answer[0]
}

// axfr transfers a zone.
func (f *following) axfr(port int, zone string, signed bool) (records []dns.RR, err error) {
	query, transfer := new(dns.Msg).SetAxfr(zone), &dns.Transfer{ReadTimeout: patience}
	if signed {
		secret := regexp.MustCompile(`secret "(.*)"`).FindStringSubmatch(readFile(f.t, f.key))[1]
		query.SetTsig("transfer.", dns.HmacSHA256, 300, time.Now().Unix())
		transfer.TsigSecret = map[string]string{"transfer.": secret}
	}
	return receive(transfer, query, loopback(port))
}

func (f *following) took(name string, start time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lag[name] = append(f.lag[name], time.Since(start))
}

// loads is how many versions of clusterset.local the primary has loaded since it was started.
func (f *following) loads() int {
	f.t.Helper()
	return f.metric(`coredns_multicluster_load_duration_seconds_count\{server="dns://127.0.0.1:%d",view="",zone="clusterset.local."\}`)
}

// metric reads a metric of the primary; %d in the pattern stands for the port of its signed server block.
func (f *following) metric(pattern string) (value int) {
	f.t.Helper()
	status, text, err := httpGet(f.http + "/metrics")
	if err != nil || status != 200 {
		f.t.Fatalf("metrics of the primary: %d, %v", status, err)
	}
	m := regexp.MustCompile(`(?m)^` + fmt.Sprintf(pattern, f.port) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		f.t.Fatalf("the primary has no metric %s", pattern)
	}
	if _, err := fmt.Sscan(m[1], &value); err != nil {
		f.t.Fatal(err)
	}
	return value
}

// account adds up what servers say of transfers, before they are ended.
func (f *following) account(names ...string) {
	f.t.Helper()
	for _, name := range names {
		if f.sent[name] == nil {
			f.sent[name] = new(transfers)
		}
		if name != "the primary" {
			f.sent[name].add(transfersIn(f.t, name, f.secondaries[name].output()))
			continue
		}
		of := `coredns_multicluster_transfers_total\{kind="%s",server="dns://127.0.0.1:%%d",view="",zone="clusterset.local."\}`
		f.sent[name].add(transfers{f.metric(fmt.Sprintf(of, "incremental")), f.metric(fmt.Sprintf(of, "whole"))})
	}
}

// restartPrimary restarts the primary. So many changes are made while it is down.
func (f *following) restartPrimary(changes int) {
	f.t.Helper()
	f.account("the primary")
	f.versions += f.loads()
	f.primary.stop()
	for range changes {
		f.clusterset.change()
		eventually(f.t, "the change is in the zone file", func() error {
			if file := filepath.Join(f.zones, "db.clusterset.local"); !strings.Contains(readFile(f.t, file), f.clusterset.last[0].address) {
				return errors.New(file + " does not have it")
			}
			return nil
		})
	}
	f.primary.restart()
	f.served()
	f.round(1)
}

// away makes changes while all secondaries are down.
func (f *following) away(changes int) {
	f.t.Helper()
	names := slices.Collect(maps.Keys(f.secondaries))
	f.account(names...)
	for _, name := range names {
		f.secondaries[name].stop()
	}
	for range changes {
		f.change()
	}
	for _, name := range names {
		f.secondaries[name].restart()
		f.secondaries[name].waitOutput(f.secondaries[name].up)
	}
	f.round(1)
}

// report logs what there was, and says what is too little or too much.
func (f *following) report() {
	f.t.Helper()
	f.account(append(slices.Collect(maps.Keys(f.secondaries)), "the primary")...)
	f.versions += f.loads()
	notes := f.notified.of(clusterset)
	f.t.Logf("%d changes in %d rounds; %d versions of %s and %d NOTIFY messages", f.clusterset.changes, f.rounds, f.versions, clusterset, notes)
	if notes > f.versions || notes < f.rounds {
		f.t.Error("some versions were not notified, or some more than once")
	}
	sum := transfers{}
	for _, name := range slices.Sorted(maps.Keys(f.sent)) {
		c, lag := f.sent[name], slices.Sorted(slices.Values(f.lag[name]))
		f.t.Logf("%s: %d incremental transfers, %d of the whole zone; a change took %s, the slowest of 20 %s", name,
			c.incremental, c.whole, lag[len(lag)/2].Round(time.Millisecond), lag[len(lag)*19/20].Round(time.Millisecond))
		switch name {
		case "the primary":
			continue
		case "CoreDNS":
			if c.whole < f.rounds {
				f.t.Errorf("CoreDNS had %d transfers in %d rounds", c.whole, f.rounds)
			}
			continue
		}
		sum.add(*c)
		// The first, that after the primary had forgotten the version, and that from further back than the journal.
		if c.whole < 3 || c.whole > 8 || c.incremental < f.rounds-10 {
			f.t.Errorf("%s had %d incremental transfers and %d of the whole zone in %d rounds", name, c.incremental, c.whole, f.rounds)
		}
	}
	if c := f.sent["the primary"]; c.incremental < sum.incremental || c.incremental > sum.incremental+10 {
		f.t.Errorf("the primary counted %d incremental transfers, the secondaries %d", c.incremental, sum.incremental)
	}
}
