package zone

import (
	"bytes"
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
	kind   string
	start  int // of its first line; the first record always fits
	octets int
	over   int // records that there was no room for
}

// begin begins an RRset.
func (r *renderer) begin(kind string) {
	r.end()
	r.set = rrset{kind: kind, start: len(r.out)}
}

// fits reports whether there is room for one more record of the RRset. Records
// come in canonical order, so the same ones are left out each time.
func (r *renderer) fits(data int) bool {
	r.set.octets += recordOctets + data
	if r.set.octets > maxRRset {
		r.set.over++
		return false
	}
	return true
}

// end tells of what there was no room for.
func (r *renderer) end() {
	if s := r.set; s.over > 0 {
		owner, _, _ := bytes.Cut(r.out[s.start:], []byte(" "))
		r.drop(TooMany, fmt.Sprintf("%s records of %s", s.kind, owner), strconv.Itoa(s.over),
			"so many of them are left out: the rest is all that fits into a DNS message; split the service")
	}
	r.set = rrset{}
}
