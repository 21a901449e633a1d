package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// changeEvery is how often a zone changes at most while it is asked: zonegen's --min-interval.
const changeEvery = 100 * time.Millisecond

// measureReloads compares the latency of queries while the zone is loaded over and over with that of a server at rest.
func measureReloads(b testing.TB, s *scene) {
	const perSecond = 1000
	rounds, during := 5, 10*time.Second
	if s.quick {
		rounds, during = 2, 4*time.Second
	}
	services := synthetic.Services(s.largest(), benchSeed)
	load := newDnsperf(b, services)
	for _, layout := range []publish.Layout{publish.Single, publish.Chunked} {
		w := newWriter(b, services, layout)
		side := serve(b, "multicluster", "", multicluster(w.dir))
		w.change(b, side)
		load.latencies(b, side.port, perSecond, time.Second) // nothing is done for the first time
		runtime.GC()
		percent := debug.SetGCPercent(-1) // the writer is not what is measured
		var idle, busy latencies
		reloads := 0
		for round := range rounds {
			rest := load.latencies(b, side.port, perSecond, during)
			stop := w.changing(b, side)
			work := load.latencies(b, side.port, perSecond, during)
			n := stop()
			idle, busy, reloads = append(idle, rest), append(busy, work), reloads+n
			progress("  round %d of %d, %s, p50 and p99: at rest %s and %s, during %d reloads %s and %s", round+1, rounds, layout,
				ms(median(rest)), ms(quantile(rest, 0.99)), n, ms(median(work)), ms(quantile(work, 0.99)))
			debug.SetGCPercent(percent)
			runtime.GC()
			debug.SetGCPercent(-1)
		}
		debug.SetGCPercent(percent)
		side.stop()
		_, p99 := compareLatencies(busy, idle)
		p99.what, p99.peer, p99.atMost = fmt.Sprintf("p99 of a query's latency during reloads, %s records, %s", label(s.largest()), layout), "at rest", 1.5
		p99.note = fmt.Sprintf("%d reloads in %s", reloads, time.Duration(rounds)*during)
		s.found(p99)
	}
}

// writer changes a zone in a folder as zonegen does, but for the API.
type writer struct {
	dir      string
	services []zone.Service
	set      *zone.Set
	folder   *publish.Folder
	rng      *rand.Rand
	toggled  bool
}

func newWriter(t testing.TB, services []zone.Service, layout publish.Layout) *writer {
	t.Helper()
	w := &writer{dir: ramDir(t), services: services, rng: rand.New(rand.NewPCG(1, benchSeed))}
	var err error
	if w.set, err = zone.NewSet(zone.Options{TTL: 5, NoReverse: true}); err != nil {
		t.Fatal(err)
	}
	if w.folder, err = publish.OpenFolder(publish.FolderOptions{Path: w.dir, Layout: layout}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.folder.Close() })
	w.set.Apply(zone.Changes{Services: services})
	w.publish(t)
	return w
}

func (w *writer) publish(t testing.TB) uint32 {
	t.Helper()
	results, err := w.folder.Publish(context.Background(), w.set.Snapshots())
	if err != nil {
		t.Fatal(err)
	}
	return results[0].Serial
}

// change takes an endpoint of a random service out of the zone, or puts it back, and returns when that is served.
func (w *writer) change(t testing.TB, s *side) {
	t.Helper()
	service := &w.services[w.rng.IntN(len(w.services)/5)*5] // every fifth is headless
	endpoint := &service.Slices[0].Endpoints[0]
	endpoint.Ready = !endpoint.Ready
	w.set.Apply(zone.Changes{Services: []zone.Service{*service}})
	serial := w.publish(t)
	s.untilSerial(t, serial)
}

// changing changes the zone until its result is called, which returns how often.
func (w *writer) changing(t testing.TB, s *side) (stop func() int) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() {
		n := 0
		defer func() { ended <- n }()
		ticker := time.NewTicker(changeEvery)
		defer ticker.Stop()
		for ctx.Err() == nil {
			w.change(t, s)
			n++
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() int {
		cancel()
		return <-ended
	}
}
