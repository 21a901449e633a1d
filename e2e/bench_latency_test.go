package e2e

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
)

// quiet is the time between a change that is served and the next one: more than zonegen's --min-interval, so that
// each is the first after quiet.
const quiet = 110 * time.Millisecond

// latencies are those of one side with one clusterset, by round.
type latencies [][]time.Duration

func (l latencies) all() []time.Duration {
	var all []time.Duration
	for _, round := range l {
		all = append(all, round...)
	}
	return all
}

// measureLatency measures the time from the API server's answer to an update until the new answer is in DNS.
func measureLatency(b testing.TB, s *scene) {
	rounds, changes := 4, 100
	if s.quick {
		rounds, changes = 2, 60
	}
	type contender struct {
		size  synthetic.Size
		how   string
		start func(testing.TB, *population) *side
	}
	var contenders []contender
	for _, size := range s.sizes() {
		contenders = append(contenders,
			contender{size, "kubernetes", func(t testing.TB, p *population) *side { return p.inMemory(t, "") }},
			contender{size, "single", func(t testing.TB, p *population) *side { return p.ours(t, "single") }},
			contender{size, "chunked", func(t testing.TB, p *population) *side { return p.ours(t, "chunked") }})
	}
	got := make(map[string]latencies)
	key := func(size synthetic.Size, how string) string { return label(size) + " " + how }
	for _, c := range contenders {
		s.population(c.size) // before any is measured
	}
	for round := range rounds {
		for _, c := range contenders {
			p := s.population(c.size)
			side := c.start(b, p)
			took := p.latencies(b, side, changes, uint64(round))
			side.stop()
			progress("  round %d of %d, %s records, %s: median %s, p99 %s", round+1, rounds, label(c.size), c.how,
				ms(median(took)), ms(quantile(took, 0.99)))
			got[key(c.size, c.how)] = append(got[key(c.size, c.how)], took)
		}
	}

	for _, size := range s.sizes() {
		peer := got[key(size, "kubernetes")]
		for _, layout := range []string{"single", "chunked"} {
			what := fmt.Sprintf("update to answer, %s records, %s", label(size), layout)
			median, p99 := compareLatencies(got[key(size, layout)], peer)
			median.what, p99.what = what+", median", what+", p99"
			median.peer, p99.peer = "in-memory plugin", "in-memory plugin"
			if size == synthetic.Small {
				median.atMost, p99.atMost = 10, 10
			}
			s.found(median)
			s.found(p99)
		}
	}
	if s.quick {
		return
	}
	for _, it := range []struct {
		layout string
		atMost float64
	}{{"single", 12}, {"chunked", 1.5}} {
		what := fmt.Sprintf("update to answer, 1,000,000 records, %s", it.layout)
		median, p99 := compareLatencies(got[key(synthetic.Large, it.layout)], got[key(synthetic.Small, it.layout)])
		median.what, p99.what = what+", median", what+", p99"
		median.peer, p99.peer = "64,000 records", "64,000 records"
		median.atMost = it.atMost
		s.found(median)
		s.found(p99)
	}
}

// latencies makes changes, one after the other is served and some quiet, and returns how long each took.
func (p *population) latencies(t testing.TB, s *side, changes int, seed uint64) []time.Duration {
	t.Helper()
	const warmUp = 10
	rng := rand.New(rand.NewPCG(seed, benchSeed))
	prober := newProber(t, s.port)
	defer prober.close()
	var took []time.Duration
	for i := range warmUp + changes {
		want := p.change(t, rng)
		answered := time.Now()
		served := prober.until(t, want)
		if i >= warmUp {
			took = append(took, served.Sub(answered))
		}
		time.Sleep(quiet)
	}
	return took
}

// compareLatencies compares the medians and the 99th percentiles.
func compareLatencies(ours, theirs latencies) (mid, high finding) {
	at := func(q float64) finding {
		a, b := quantile(ours.all(), q), quantile(theirs.all(), q)
		f := finding{ours: ms(a), their: ms(b), pooled: float64(a) / float64(b)}
		for i := range ours {
			f.ratios = append(f.ratios, float64(quantile(ours[i], q))/float64(quantile(theirs[i], q)))
		}
		return f
	}
	return at(0.5), at(0.99)
}
