package zone

import (
	"bytes"
	"iter"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// Snapshot is one zone at one moment, without a serial. It never changes and is
// safe for concurrent use.
type Snapshot struct {
	origin string
	apex   apex
	chunks []*chunk
	// includes are the chunks of a root, which has none of its own.
	includes []*Chunk
	counts   Counts
	changed  time.Time
	// held are services of a forward zone that have records although they should have none.
	held map[Key]struct{}
}

func newSnapshot(origin string, a apex, o *order, seen time.Time) *Snapshot {
	return &Snapshot{origin: origin, apex: a, chunks: o.view(seen), counts: o.counts.plus(1, a.counts), changed: o.changed}
}

// Origin is the zone's name, absolute and in lower case.
func (s *Snapshot) Origin() string { return s.origin }

// Counts is the number of records, the apex included.
func (s *Snapshot) Counts() Counts { return s.counts }

// Changed is when the first of the changes that led to this version was seen, as
// [Changes] told; zero if that is not known.
func (s *Snapshot) Changed() time.Time { return s.changed }

// Append appends the whole zone file to dst.
func (s *Snapshot) Append(dst []byte, serial uint32) []byte {
	for b := range s.Text(serial) {
		dst = append(dst, b...)
	}
	return dst
}

// Buffers returns the whole zone file in pieces that must not be changed. Their
// contents are shared, not copied.
func (s *Snapshot) Buffers(serial uint32) net.Buffers {
	return slices.Collect(s.Text(serial))
}

// Text yields the pieces of [Snapshot.Buffers].
func (s *Snapshot) Text(serial uint32) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !yield(s.apex.append(nil, serial, s.changed)) {
			return
		}
		for _, c := range s.chunks {
			for _, it := range c.items {
				if !yield(it.block.text) {
					return
				}
			}
		}
		for _, c := range s.includes {
			if !yield(c.include) {
				return
			}
		}
		yield([]byte(EndLine(serial)))
	}
}

// Equal reports whether two snapshots say the same, but for serial and time. It takes
// time for what is not shared between them only.
func (s *Snapshot) Equal(o *Snapshot) bool {
	if o == nil || s.origin != o.origin || s.apex != o.apex || len(s.chunks) != len(o.chunks) ||
		!slices.EqualFunc(s.includes, o.includes, func(a, b *Chunk) bool { return a == b || a.Name == b.Name }) {
		return false
	}
	for i, c := range s.chunks {
		if !c.equal(o.chunks[i]) {
			return false
		}
	}
	return true
}

func (c *chunk) equal(o *chunk) bool {
	if c == o {
		return true
	}
	if len(c.items) != len(o.items) {
		return false
	}
	for i, it := range c.items {
		if !it.block.same(o.items[i].block) {
			return false
		}
	}
	return true
}

// Resume reads the beginning of a zone file, at least its apex. It returns the
// serial of its SOA, 0 if there is none, and the snapshot with the time of change
// that the file tells, if its apex is that of the snapshot. So if the file holds
// this snapshot, whatever its serial and time, then it is the bytes that
// [Snapshot.Append] makes of both results.
func (s *Snapshot) Resume(head []byte) (*Snapshot, uint32) {
	serial, changed, ok := s.apex.cut(head)
	if !ok {
		return s, serialOf(head, s.origin)
	}
	resumed := *s
	resumed.changed = changed
	return &resumed, serial
}

// serialOf returns the serial of a zone file's SOA, which is its first record
// (RFC 1035 section 5.2), 0 if it has none.
func serialOf(text []byte, origin string) uint32 {
	rr, ok := dns.NewZoneParser(bytes.NewReader(text), origin, "").Next()
	if soa, isSOA := rr.(*dns.SOA); ok && isSOA {
		return soa.Serial
	}
	return 0
}
