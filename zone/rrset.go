package zone

import (
	"fmt"
	"strconv"
)

// maxRRset is the most octets that the records of one RRset may take in an
// answer: what fits into a DNS message (65,535 octets, RFC 1035 section 4.2.2)
// beside the header, the question and what a server adds. BIND does not load a
// zone with a larger one; others cut the answer, each time elsewhere.
const maxRRset = 65_000

// recordOctets is what a record takes in a message beside its data: the owner
// compressed, type, class, TTL and length.
const recordOctets = 12

// rrset is the RRset whose records are being written, one after the other.
type rrset struct {
	child, parent, kind string
	octets              int
	over                int // records that there was no room for
}

// fits reports whether there is room for one more record of an RRset. Records
// come in canonical order, so the same ones are left out each time.
func (r *renderer) fits(child, parent, kind string, data int) bool {
	if r.set.kind != kind || r.set.child != child || r.set.parent != parent {
		r.endSet()
		r.set = rrset{child: child, parent: parent, kind: kind}
	}
	r.set.octets += recordOctets + data
	if r.set.octets > maxRRset {
		r.set.over++
		return false
	}
	return true
}

// endSet tells of what there was no room for.
func (r *renderer) endSet() {
	if s := r.set; s.over > 0 {
		name := s.child
		if s.parent != "" {
			name += "." + s.parent
		}
		r.drop(TooMany, fmt.Sprintf("%s records of %s", s.kind, name), strconv.Itoa(s.over),
			"so many of them are left out: the rest is all that fits into a DNS message; split the service")
	}
	r.set = rrset{}
}
