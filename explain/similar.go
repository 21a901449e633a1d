package explain

import (
	"cmp"
	"iter"
	"slices"
)

// maxSimilar is how many names are offered for one that is not there.
const maxSimilar = 3

// similar returns the names that differ little from one that may be a slip of the
// pen, the closest first.
func similar(name string, names iter.Seq[string]) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for other := range names {
		if d := distance(name, other); d <= max(1, min(len(name), len(other))/3) {
			found = append(found, candidate{other, d})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	closest := []string{}
	for _, c := range found[:min(len(found), maxSimilar)] {
		closest = append(closest, c.name)
	}
	return closest
}

// distance is how many letters are to be added, removed, replaced or exchanged with
// their neighbour (the optimal string alignment distance).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
