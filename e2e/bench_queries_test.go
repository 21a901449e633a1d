package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"
)

// The server has one core and dnsperf another, so that dnsperf, which does less for a query than any server, is never
// what limits CoreDNS.
const (
	serverCore = "0"
	clientCore = "1"
)

// measureQueries measures how many queries per second one core answers from 64,000 records.
func measureQueries(b testing.TB, s *scene) {
	rounds, during := 15, 2*time.Second
	if s.quick {
		rounds, during = 5, time.Second
	}
	if runtime.NumCPU() < 2 {
		b.Fatal("the server and dnsperf need a core each: this machine has one")
	}
	p := s.population(synthetic.Small)
	dir := ramDir(b)
	file := writeZone(b, dir, p.services)
	sides := []*side{
		serve(b, "whoami", serverCore, "whoami"),
		p.inMemory(b, serverCore),
		serve(b, "file", serverCore, fmt.Sprintf("file %s %s", file, clusterset)),
		knot(b, file),
		serve(b, "multicluster", serverCore, multicluster(dir)),
	}
	load := newDnsperf(b, p.services)
	got, codes := make(map[string][]float64), make(map[string]string)
	for _, side := range sides {
		if side.name != "whoami" {
			side.waitAll(b, p)
		}
		load.saturate(b, side.port, time.Second) // nothing is done for the first time
	}
	for round := range rounds {
		for _, side := range sides {
			one := load.saturate(b, side.port, during)
			got[side.name] = append(got[side.name], one.perSecond)
			codes[side.name] = one.codes
			progress("  round %d of %d, %s: %s, %s", round+1, rounds, side.name, thousands(one.perSecond), one.codes)
		}
	}
	ours := got["multicluster"]
	for _, peer := range []struct {
		name, what string
		must       float64
	}{{"whoami", "whoami", 0.95}, {"kubernetes", "in-memory plugin", 2}, {"file", "file", 2.2}, {"knot", "Knot", 0}} {
		f := finding{
			what: "queries per second and core", peer: peer.what, atLeast: peer.must,
			ours: thousands(median(ours)), their: thousands(median(got[peer.name])),
		}
		for i := range ours {
			f.ratios = append(f.ratios, ours[i]/got[peer.name][i])
		}
		if peer.name != "whoami" {
			f.note = fmt.Sprintf("response codes: ours %s; theirs %s", codes["multicluster"], codes[peer.name])
		}
		s.found(f)
	}
	for _, side := range sides {
		side.stop()
	}
}

// writeZone writes the zone of services as zonegen does, and returns its file.
func writeZone(t testing.TB, dir string, services []zone.Service) string {
	t.Helper()
	set, err := zone.NewSet(zone.Options{TTL: 5, NoReverse: true})
	if err != nil {
		t.Fatal(err)
	}
	set.Apply(zone.Changes{Services: services})
	file := filepath.Join(dir, "db.clusterset.local")
	if err := os.WriteFile(file, set.Snapshots()[0].Append(nil, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// knot starts Knot with the zone in a file, as it comes.
func knot(t testing.TB, file string) *side {
	t.Helper()
	s := &side{name: "knot", port: freePort(t)}
	state := t.TempDir()
	config := filepath.Join(state, "knot.conf")
	text := fmt.Sprintf("server:\n  rundir: %q\n  listen: 127.0.0.1@%d\ndatabase:\n  storage: %q\nlog:\n  - target: stderr\n    any: warning\n"+
		"zone:\n  - domain: %s\n    file: %s\n    zonefile-load: whole\n    journal-content: none\n", state, s.port, state, clusterset, file)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.processes = []*process{runOn(t, serverCore, tool(t, "knotd", "knot"), "-c", config)}
	return s
}
