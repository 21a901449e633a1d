package zone

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestOrder makes random changes and compares the order with a sorted map, and
// its chunks with those of an order that is made of the same keys at once. Views
// taken on the way must not change.
func TestOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	o, want := newOrder(servicesPerBorder), make(map[string]*block)
	type taken struct {
		chunks []*chunk
		text   string
	}
	var views []taken
	for i := range 20_000 {
		key := fmt.Sprintf("%d\x00%d", rng.IntN(20), rng.IntN(100))
		var b *block
		if rng.IntN(3) > 0 {
			b = &block{text: fmt.Append(nil, rng.IntN(5)), counts: Counts{A: rng.IntN(5)}}
		}
		old, had := want[key]
		changed := had != (b != nil) || had && !old.same(b)
		if got := o.put(key, b); got != changed {
			t.Fatalf("step %d: put reports change %v, want %v", i, got, changed)
		}
		if b == nil {
			delete(want, key)
		} else if changed {
			want[key] = b
		}
		if i%500 == 0 {
			views = append(views, taken{o.view(time.Time{}), dump(o.chunks)})
		}
	}
	fresh := newOrder(servicesPerBorder)
	keys := make([]string, 0, len(want))
	var counts Counts
	for k, b := range want {
		keys = append(keys, k)
		counts = counts.plus(1, b.counts)
	}
	slices.Sort(keys)
	for _, k := range slices.Backward(keys) {
		fresh.put(k, want[k])
	}
	if a, b := dump(o.chunks), dump(fresh.chunks); a != b {
		t.Errorf("chunks depend on history:\n%s\n%s", a, b)
	}
	if len(o.chunks) < 5 {
		t.Errorf("only %d chunks for %d keys", len(o.chunks), len(keys))
	}
	if o.counts != counts {
		t.Errorf("counts %v, want %v", o.counts, counts)
	}
	for i, v := range views {
		if dump(v.chunks) != v.text {
			t.Errorf("view %d has changed", i)
		}
	}
}

func dump(chunks []*chunk) string {
	var b strings.Builder
	for _, c := range chunks {
		fmt.Fprintf(&b, "[%q", c.start)
		for _, it := range c.items {
			fmt.Fprintf(&b, " %q=%s", it.key, it.block.text)
		}
		b.WriteString("]\n")
	}
	return b.String()
}
