package zone

import (
	"cmp"
	"slices"
	"strings"
)

// bareServices writes the SRV records at the name of a headless service: each
// ready endpoint with each port number of its slices.
func (r *renderer) bareServices() {
	pairs := 0
	for _, s := range r.slices {
		if s.portless {
			// The in-memory plugin counts such an address once.
			pairs += s.addresses
		}
		pairs += s.addresses * s.ports
	}
	weight := weightOf(pairs)
	r.begin("SRV")
	for _, n := range r.distinctNumbers() {
		for _, p := range r.ports {
			if p.number == n {
				r.slices[p.slice].marked = true
			}
		}
		r.beginSRV("@", "", weight, n)
		r.markedTargets()
	}
}

// namedServices writes the SRV records at one _PORT._PROTO name of a headless
// service. Same are the ports of that name, sorted by number.
func (r *renderer) namedServices(p portOf, same []portOf) {
	pairs := 0
	for _, q := range same {
		pairs += r.slices[q.slice].addresses
	}
	weight := weightOf(pairs)
	r.begin("SRV")
	for i := 0; i < len(same); {
		n := same[i].number
		for ; i < len(same) && same[i].number == n; i++ {
			r.slices[same[i].slice].marked = n != NoNumber
		}
		r.beginSRV(p.name, p.protocol, weight, n)
		r.markedTargets()
	}
}

// markedTargets writes an SRV record to each endpoint name that has an address in a
// marked slice, in order, and clears the marks.
func (r *renderer) markedTargets() {
	written := int32(-1)
	for _, t := range r.targets {
		if t.group != written && r.slices[t.slice].marked {
			name := r.text(t)
			srv(r, name, len(name)+1)
			written = t.group
		}
	}
	for i := range r.slices {
		r.slices[i].marked = false
	}
}

// eachNamedPort calls f for each distinct _PORT._PROTO name, in canonical order,
// with all ports of that name sorted by number.
func (r *renderer) eachNamedPort(f func(p portOf, same []portOf)) {
	slices.SortFunc(r.ports, func(a, b portOf) int {
		return cmp.Or(strings.Compare(a.protocol, b.protocol), strings.Compare(a.name, b.name),
			cmp.Compare(a.number, b.number), cmp.Compare(a.slice, b.slice))
	})
	for i := 0; i < len(r.ports); {
		p, start := r.ports[i], i
		for ; i < len(r.ports) && r.ports[i].name == p.name && r.ports[i].protocol == p.protocol; i++ {
		}
		if p.name != "" {
			f(p, r.ports[start:i])
		}
	}
}

// distinctNumbers returns the port numbers there are, sorted.
func (r *renderer) distinctNumbers() []int32 {
	r.numbers = r.numbers[:0]
	for _, p := range r.ports {
		if p.number != NoNumber {
			r.numbers = append(r.numbers, p.number)
		}
	}
	slices.Sort(r.numbers)
	return slices.Compact(r.numbers)
}

// weightOf is the weight of each SRV record of an RRset: its share of 100 among
// the n (address, port) pairs that the name matches, at least 1.
func weightOf(n int) uint64 {
	if n > 100 || n < 1 {
		return 1
	}
	return uint64(100 / n)
}
