package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
)

// effort is what a change costs zonegen.
type effort struct {
	cpu            time.Duration
	bytes, objects float64 // allocated
	collections    float64 // of garbage
}

// measureOneChange compares what one changed service costs zonegen in a large zone with what it costs in a small one.
func measureOneChange(b testing.TB, s *scene) {
	rounds, changes := 3, 1000
	if s.quick {
		progress("  needs both sizes")
		return
	}
	var daemons []*changed
	for _, size := range s.sizes() {
		daemons = append(daemons, newChanged(b, s.population(size)))
	}
	got := make([][]effort, len(daemons))
	for round := range rounds {
		for i, d := range daemons {
			e := d.measure(b, changes, uint64(round))
			got[i] = append(got[i], e)
			progress("  round %d of %d, %s records: %s of CPU, %.0f kB in %.0f objects; garbage collected %.3f times", round+1, rounds,
				label(s.sizes()[i]), ms(e.cpu), e.bytes/1000, e.objects, e.collections)
		}
	}
	for _, d := range daemons {
		d.kill()
	}
	compare := func(what string, most float64, text func(float64) string, figure func(effort) float64) {
		f := finding{
			what: fmt.Sprintf("zonegen, one changed service, %s, chunked, %s records", what, label(synthetic.Large)),
			peer: label(synthetic.Small) + " records", atMost: most,
		}
		var small, large []float64
		for i := range got[0] {
			small, large = append(small, figure(got[0][i])), append(large, figure(got[1][i]))
			f.ratios = append(f.ratios, large[i]/small[i])
		}
		f.ours, f.their = text(median(large)), text(median(small))
		s.found(f)
	}
	compare("CPU", 1.5, func(x float64) string { return ms(time.Duration(x)) }, func(e effort) float64 { return float64(e.cpu) })
	compare("bytes allocated", 1.5, func(x float64) string { return fmt.Sprintf("%.0f kB", x/1000) }, func(e effort) float64 { return e.bytes })
	compare("objects allocated", 1.5, func(x float64) string { return fmt.Sprintf("%.0f", x) }, func(e effort) float64 { return e.objects })
}

// changed is a zonegen whose clusterset is changed.
type changed struct {
	*process
	*population
	http, file string
}

func newChanged(t testing.TB, p *population) *changed {
	t.Helper()
	dir := ramDir(t)
	daemon, http := p.zonegen(t, dir, "--layout", "chunked", "--min-interval", "1ms")
	daemon.waitHTTP(http+"/readyz", 200)
	return &changed{daemon, p, http, filepath.Join(dir, "db.clusterset.local")}
}

// measure makes changes, each when the one before is published, and returns what one of them cost.
func (c *changed) measure(t testing.TB, changes int, seed uint64) effort {
	t.Helper()
	const warmUp = 20
	rng := rand.New(rand.NewPCG(seed, benchSeed))
	var before effort
	for i := range warmUp + changes {
		if i == warmUp {
			before = c.sofar(t)
		}
		old := c.version(t)
		slice := rng.IntN(len(c.slices))
		c.changeSlice(t, slice, rng.IntN(len(c.slices[slice].Endpoints)))
		for begin := time.Now(); os.SameFile(old, c.version(t)); time.Sleep(200 * time.Microsecond) {
			if time.Since(begin) > patience {
				t.Fatalf("%s has not changed within %s", c.file, patience)
			}
		}
	}
	after, n := c.sofar(t), float64(changes)
	return effort{
		(after.cpu - before.cpu) / time.Duration(changes), (after.bytes - before.bytes) / n, (after.objects - before.objects) / n,
		(after.collections - before.collections) / n,
	}
}

// version is the file of the zone: another one when the zone has changed.
func (c *changed) version(t testing.TB) os.FileInfo {
	t.Helper()
	info, err := os.Stat(c.file)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func (c *changed) sofar(t testing.TB) effort {
	t.Helper()
	return effort{
		c.cpu(t), metric(t, c.http, "go_memstats_alloc_bytes_total"), metric(t, c.http, "go_memstats_mallocs_total"),
		metric(t, c.http, "go_gc_duration_seconds_count"),
	}
}
