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
		rounds = 3
	}
	for _, size := range s.sizes() {
		p := s.population(size)
		got := make(map[string][]storm)
		for round := range rounds {
			for _, how := range []string{"kubernetes", "single", "chunked"} {
				var side *side
				if how == "kubernetes" {
					side = p.inMemory(b, "")
				} else {
					side = p.ours(b, how)
				}
				one := p.storm(b, side, uint64(round))
				side.stop()
				got[how] = append(got[how], one)
				progress("  round %d of %d, %s records, %s: served %s after the last of 1,000 updates, which took %s; %s of CPU",
					round+1, rounds, label(size), how, ms(one.served), seconds(one.writing), seconds(one.cpu))
			}
		}
		for _, layout := range []string{"single", "chunked"} {
			what := fmt.Sprintf("storm of 1,000 updates, %s records, %s", label(size), layout)
			served := compareStorms(got[layout], got["kubernetes"], ms, func(s storm) time.Duration { return s.served })
			served.what, served.peer, served.atMost = what+", last update to answer", "in-memory plugin", 10
			used := compareStorms(got[layout], got["kubernetes"], seconds, func(s storm) time.Duration { return s.cpu })
			used.what, used.peer, used.atMost = what+", CPU", "in-memory plugin", 2
			if size != synthetic.Small {
				served.atMost, used.atMost = 0, 0
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
