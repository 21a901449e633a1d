package publish

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPlace(t *testing.T) {
	const k = 1 << 10
	for name, test := range map[string]struct {
		fresh   map[string]int
		used    []int
		written map[int]bool
		want    map[string]int // nil: no room
	}{
		"nothing":                      {used: []int{0, 0}, want: map[string]int{}},
		"the first":                    {fresh: map[string]int{"a": k}, used: []int{0, 0}, want: map[string]int{"a": 0}},
		"one with room":                {fresh: map[string]int{"a": k}, used: []int{256 * k, 255 * k, 0}, want: map[string]int{"a": 1}},
		"a new one":                    {fresh: map[string]int{"a": 2 * k}, used: []int{256 * k, 255 * k, 0}, want: map[string]int{"a": 2}},
		"a new one for a large one":    {fresh: map[string]int{"a": 512 * k}, used: []int{k, 0}, want: map[string]int{"a": 1}},
		"one that is written":          {fresh: map[string]int{"a": k}, used: []int{k, k, k}, written: map[int]bool{2: true}, want: map[string]int{"a": 2}},
		"the same for all":             {fresh: map[string]int{"a": 200 * k, "b": k, "c": k}, used: []int{250 * k, 20 * k, 0}, want: map[string]int{"a": 1, "b": 1, "c": 1}},
		"the smallest":                 {fresh: map[string]int{"a": 9 * k}, used: []int{300 * k, 260 * k, 300 * k}, want: map[string]int{"a": 1}},
		"not two for want of a little": {fresh: map[string]int{"a": 9 * k, "b": 9 * k}, used: []int{300 * k, 299 * k}, want: map[string]int{"a": 1, "b": 1}},
		"just room":                    {fresh: map[string]int{"a": k}, used: []int{899 * k, 900 * k}, want: map[string]int{"a": 0}},
		"no room":                      {fresh: map[string]int{"a": k, "b": 1}, used: []int{899 * k, 900 * k}},
	} {
		t.Run(name, func(t *testing.T) {
			written := map[int]bool{}
			maps.Copy(written, test.written)
			used := slices.Clone(test.used)
			got, err := place(test.fresh, used, written)
			if test.want == nil {
				if !errors.Is(err, errTooLarge) || !slices.Equal(used, test.used) || len(written) > 0 {
					t.Errorf("got %v, %v; sizes %v, written %v", got, err, used, written)
				}
				return
			}
			if err != nil || !maps.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

// Over a long life of changes, no chunk is lost or moved, no shard is too large, a
// change of one chunk writes one shard, and shards go when the zone shrinks.
func TestPlaceForLong(t *testing.T) {
	const shards = 8
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 0))
		homes, sizes := map[string]int{}, map[string]int{}
		used, next := make([]int, shards), 0
		step := func(remove, add int) {
			names := slices.Sorted(maps.Keys(homes))
			r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
			for _, name := range names[:remove] {
				used[homes[name]] -= sizes[name]
				delete(homes, name)
				delete(sizes, name)
			}
			fresh := map[string]int{}
			for range add {
				name := fmt.Sprint("chunk-", next)
				next++
				fresh[name] = 1 + r.IntN(40<<10)
			}
			written := map[int]bool{}
			got, err := place(fresh, used, written)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(fresh) || add == 1 && len(written) != 1 {
				t.Fatalf("of %d chunks %d have a home; shards %v are written", len(fresh), len(got), written)
			}
			for name, home := range got {
				if !written[home] {
					t.Fatalf("%s is in shard %d, which is not written", name, home)
				}
				homes[name], sizes[name] = home, fresh[name]
			}
			total := make([]int, shards)
			for name, home := range homes {
				total[home] += sizes[name]
			}
			if !slices.Equal(total, used) || slices.Max(total) > maxConfigMap {
				t.Fatalf("the shards have %d, and are said to have %d", total, used)
			}
		}
		step(0, 150) // 3 MB of 7
		for range 300 {
			step(1, 1)
		}
		step(145, 0)
		for range 60 {
			step(1, 1)
		}
		if n := len(slices.DeleteFunc(used, func(n int) bool { return n == 0 })); n > 2 {
			t.Errorf("seed %d: %d shards are left for 5 chunks", seed, n)
		}
	}
}
