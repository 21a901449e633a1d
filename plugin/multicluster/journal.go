package multicluster

import (
	"slices"
	"unsafe"
)

// journalLimits bound what is kept of earlier versions.
type journalLimits struct {
	versions int
	octets   uint64 // of memory, about
}

var defaultJournal = journalLimits{versions: 1000, octets: 64 << 20}

// step is what one version of a zone had and the next has not, in whole branches.
type step struct {
	apex                      // of the earlier version
	was    map[string][]*part // by branch; none: there was no such branch
	octets uint64
}

func newStep(a apex) *step { return &step{apex: a, was: make(map[string][]*part)} }

// add takes in what a branch was.
func (s *step) add(branch string, was []*part) {
	s.was[branch] = was
	s.octets += uint64(len(branch)) + uint64(unsafe.Sizeof(branch)+unsafe.Sizeof(was))
	for _, p := range was {
		s.octets += p.octets()
	}
}

// octets is how much memory a part takes, about.
func (p *part) octets() uint64 {
	size := unsafe.Sizeof(*p) + uintptr(len(p.data)) + uintptr(len(p.slots))*unsafe.Sizeof(p.slots[0]) +
		uintptr(len(p.entries))*unsafe.Sizeof(entry{}) + uintptr(len(p.runs))*unsafe.Sizeof(run{})
	return uint64(size)
}

// journal is the steps that led to a version, the oldest first. Its serials grow
// from step to step. It never changes.
type journal []*step

// with returns the journal with one more step, without the oldest ones if it would
// be beyond the limits.
func (j journal) with(s *step, l journalLimits) journal {
	all := slices.Concat(j, journal{s})
	octets := uint64(0)
	for i, s := range slices.Backward(all) {
		octets += s.octets
		if len(all)-i > l.versions || octets > l.octets {
			return slices.Clone(all[i+1:])
		}
	}
	return all
}

// since returns the steps from the version of this serial on, none if the journal
// does not reach back to it.
func (j journal) since(serial uint32) journal {
	i := slices.IndexFunc(j, func(s *step) bool { return s.soa.Serial == serial })
	if i < 0 {
		return nil
	}
	return j[i:]
}

// condensed returns one step that stands for all (RFC 1995 section 5): of each
// branch the earliest that is known.
func (j journal) condensed() *step {
	one := newStep(j[0].apex)
	for _, s := range j {
		for branch, was := range s.was {
			if _, known := one.was[branch]; !known {
				one.add(branch, was)
			}
		}
	}
	return one
}
