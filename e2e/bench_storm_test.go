package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
)

// storm is what a rollout cost one side.
type storm struct {
	writing time.Duration // from the first update to the API server's answer to the last
	served  time.Duration // from then until the last is served
	cpu     time.Duration // of all programs of the side, from the first update until the last is served
}

// measureStorm replaces 1,000 endpoints as fast as the API server takes it.
func measureStorm(b testing.TB, s *scene) {
	rounds := 5
	if s.quick {
		rounds = 2
	}
	contenders := []struct {
		how   string
		start func(testing.TB, *population) *side
	}{
		{"kubernetes", func(t testing.TB, p *population) *side { return p.inMemory(t, "") }},
		{"single", func(t testing.TB, p *population) *side { return p.ours(t, "single") }},
		{"chunked", func(t testing.TB, p *population) *side { return p.ours(t, "chunked") }},
		// What the latency after a storm could be, and what it would cost.
		{"chunked, --min-interval 5ms", func(t testing.TB, p *population) *side { return p.ours(t, "chunked", "--min-interval", "5ms") }},
	}
	for _, size := range s.sizes() {
		p := s.population(size)
		got := make(map[string][]storm)
		for round := range rounds {
			for _, c := range contenders {
				side := c.start(b, p)
				one := p.storm(b, side, uint64(round))
				side.stop()
				got[c.how] = append(got[c.how], one)
				progress("  round %d of %d, %s records, %s: served %s after the last of 1,000 updates, which took %s; %s of CPU",
					round+1, rounds, label(size), c.how, ms(one.served), seconds(one.writing), seconds(one.cpu))
			}
		}
		for i, c := range contenders[1:] {
			what := fmt.Sprintf("storm of 1,000 updates, %s records, %s", label(size), c.how)
			served := compareStorms(got[c.how], got["kubernetes"], ms, func(s storm) time.Duration { return s.served })
			served.what, served.peer = what+", last update to answer", "in-memory plugin"
			used := compareStorms(got[c.how], got["kubernetes"], seconds, func(s storm) time.Duration { return s.cpu })
			used.what, used.peer = what+", CPU", "in-memory plugin"
			if size == synthetic.Small && i < 2 {
				served.atMost, used.atMost = 10, 2
			}
			s.found(served)
			s.found(used)
		}
	}
}

func compareStorms(ours, theirs []storm, text func(time.Duration) string, figure func(storm) time.Duration) finding {
	var f finding
	var a, b []time.Duration
	for i := range ours {
		a, b = append(a, figure(ours[i])), append(b, figure(theirs[i]))
		f.ratios = append(f.ratios, float64(a[i])/float64(b[i]))
	}
	f.ours, f.their = text(median(a)), text(median(b))
	return f
}

// storm makes the changes of a rollout: of each of 40 slices one endpoint after the other.
func (p *population) storm(t testing.TB, s *side, seed uint64) storm {
	t.Helper()
	const slices, each, clients = 40, 25, 8
	rng := rand.New(rand.NewPCG(seed, benchSeed))
	p.latencies(t, s, 10, seed) // nothing is done for the first time
	chosen := rng.Perm(len(p.slices))[:slices]
	begin, before := time.Now(), s.cpu(t)
	group, _ := errgroup.WithContext(context.Background())
	for client := range clients {
		group.Go(func() error {
			for i := client; i < slices; i += clients {
				object := p.slices[chosen[i]]
				for n := range each {
					if i == slices-1 && n == each-1 {
						return nil // the last of all comes below
					}
					object.Endpoints[n%len(object.Endpoints)].Addresses = []string{p.freshAddress()}
					if err := p.api.Update(t.Context(), object); err != nil {
						return fmt.Errorf("changing the EndpointSlice %s/%s: %w", object.Namespace, object.Name, err)
					}
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	last := chosen[slices-1]
	want := p.changeSlice(t, last, (each-1)%len(p.slices[last].Endpoints))
	answered := time.Now()
	prober := newProber(t, s.port)
	defer prober.close()
	served := prober.until(t, want)
	one := storm{writing: answered.Sub(begin), served: served.Sub(answered), cpu: s.cpu(t) - before}
	for i := range slices { // what came before the last is served, too
		for n := range min(each, len(p.slices[chosen[i]].Endpoints)) {
			prober.until(t, p.ofSlice(chosen[i], n))
		}
	}
	return one
}
