package watch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Position is a place in the history of an API: for each kind of object, by its
// plural name, a resourceVersion. Those of one kind are numbers that grow; see
// https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-versions.
type Position map[string]uint64

// ParsePosition reads what String has written. What it cannot read it leaves out.
func ParsePosition(text string) Position {
	p := Position{}
	for field := range strings.FieldsSeq(text) {
		kind, version, _ := strings.Cut(field, "=")
		p.reach(kind, version)
	}
	return p
}

// String implements [fmt.Stringer]: "endpointslices=1204 namespaces=815".
func (p Position) String() string {
	fields := make([]string, 0, len(p))
	for _, kind := range slices.Sorted(maps.Keys(p)) {
		fields = append(fields, fmt.Sprintf("%s=%d", kind, p[kind]))
	}
	return strings.Join(fields, " ")
}

// Behind returns the kinds of p, sorted, of which other is further on.
func (p Position) Behind(other Position) []string {
	var kinds []string
	for _, kind := range slices.Sorted(maps.Keys(p)) {
		if p[kind] < other[kind] {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// Furthest returns the position that is as far on as both, kind by kind.
func (p Position) Furthest(other Position) Position {
	all := maps.Clone(p)
	for kind, version := range other {
		if all == nil {
			return maps.Clone(other)
		}
		all[kind] = max(all[kind], version)
	}
	return all
}

// reach notes a version, which is less than before when the API was restored from
// a backup. One that is no number is none.
func (p Position) reach(kind, version string) {
	if n, err := strconv.ParseUint(version, 10, 64); err == nil {
		p[kind] = n
	}
}

// Progress is how far a source has come. Its positions are empty if the source
// watches no API.
type Progress struct {
	// Returned is a position up to which all is among the changes that Next has
	// returned.
	Returned Position
	// Applied is that of the changes which Next had returned before its last call,
	// as whoever calls it is done with those. It goes on while nothing changes.
	Applied Position
	// Newest is a position after which nothing is among the changes that Next has
	// returned.
	Newest Position
}

// Progress implements [Source].
func (k *Kubernetes) Progress() Progress { return k.queue.progress() }

// Progress implements [Source].
func (m *Manifests) Progress() Progress { return Progress{} }
