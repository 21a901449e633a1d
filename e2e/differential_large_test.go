package e2e

import (
	"math/rand/v2"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
)

// TestDifferentialOfLargeZone is TestDifferential with a clusterset of 64,000 records. Of all names, which are more
// than that, it asks for 1,000 random ones in each of three states.
func TestDifferentialOfLargeZone(t *testing.T) {
	const states, changes, sample = 3, 40, 1000
	api, d := newDifferential(t)
	const seed = 1
	p := populate(t, api, synthetic.Small, seed)
	d.state = newClusterState(t, api, seed)
	for _, object := range p.imports {
		d.state.imports[types.NamespacedName{Namespace: object.Namespace, Name: object.Name}] = object
	}
	for _, object := range p.slices {
		d.state.slices[types.NamespacedName{Namespace: object.Namespace, Name: object.Name}] = object
	}
	rng := rand.New(rand.NewPCG(seed, seed))
	for state := range states {
		for range changes {
			p.change(t, rng)
			p.toggle(t, rng)
		}
		last := len(p.slices) - 1
		d.state.remove(p.slices[last])
		p.slices = p.slices[:last]
		d.converge(api, state)
		names := d.names()
		rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		t.Logf("state %d: %d of %d names", state, sample, len(names))
		d.compareNames(names[:sample])
		checkZone(t, clusterset, d.file)
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d questions to each server; on purpose different: %v", d.questions, d.excuses)
}
