package powercut

import "math/rand/v2"

// Restart switches the power on, and off again before a change after so many: from then on every call fails. If it was
// off, the Disk is what was left of it. It must not be mounted.
func (d *Disk) Restart(r *rand.Rand, changes int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		survive(d.root, r, map[*node]bool{})
	}
	d.left, d.off = changes, false
}

// survive makes a node, and what it leads to, what is left of it.
func survive(n *node, r *rand.Rand, done map[*node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	lost := losses[r.IntN(len(losses))]
	s := n.kept.copy()
	for i, e := range n.since {
		if part := lost(r, i, len(n.since)); part >= 0 {
			e(&s, part)
		}
	}
	n.state = s
	n.sync()
	for _, child := range n.entries {
		survive(child, r, done)
	}
}

// losses are ways to lose what was not synced: each says what is kept of the change i of n, nothing if it is negative.
var losses = []func(r *rand.Rand, i, n int) float64{
	func(*rand.Rand, int, int) float64 { return -1 },
	func(*rand.Rand, int, int) float64 { return 1 },
	func(r *rand.Rand, i, n int) float64 { // more of the older ones
		return float64(r.IntN(2*n) - 2*i)
	},
	func(r *rand.Rand, _, _ int) float64 { return 2*r.Float64() - 0.5 },
}
