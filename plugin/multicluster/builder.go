package multicluster

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"
)

// builder gathers the records that one block has of one branch, and packs them.
// It is used again for other branches.
type builder struct {
	branch   string
	names    []byte
	payload  []byte // the data of the records
	entries  []entry
	slots    []uint32
	records  []record
	runs     []run // scratch
	service  bool  // the branch is that of a service
	headless bool
	marked   bool // headless is known
	filter   addresses
	paid     int64 // of the cost
}

// record is a record whose data is in the builder's payload.
type record struct {
	entry  uint32
	ttl    uint32
	offset uint32
	size   uint32
	rrtype uint16
}

// begin starts a branch.
func (b *builder) begin(branch string) {
	const slots = 64
	if len(b.slots) != slots {
		b.slots = make([]uint32, slots)
	}
	clear(b.slots)
	*b = builder{
		branch: branch, slots: b.slots, filter: b.filter.reset(),
		names: again(b.names), payload: again(b.payload), entries: again(b.entries), records: again(b.records), runs: again(b.runs),
	}
	b.intern([]byte(branch), -1)
}

// again returns memory to be used once more, unless it is much.
func again[T any](s []T) []T {
	if cap(s) > 1<<14 {
		return nil
	}
	return s[:0]
}

// intern returns the number of a name's entry. If it is new, its text is at
// offset at, or is put there if that is negative.
func (b *builder) intern(name []byte, at int) uint32 {
	hash := uint32(maphash.Bytes(seed, name))
	mask := uint32(len(b.slots) - 1)
	slot := hash & mask
	for ; b.slots[slot] != 0; slot = (slot + 1) & mask {
		e := b.slots[slot] - 1
		if have := &b.entries[e]; have.hash == hash && bytes.Equal(b.names[have.name:][:have.length], name) {
			return e
		}
	}
	if at < 0 {
		at = len(b.names)
		b.names = append(b.names, name...)
	}
	b.entries = append(b.entries, entry{hash: hash, name: uint32(at), length: uint16(len(name))})
	b.slots[slot] = uint32(len(b.entries))
	if 2*len(b.entries) > len(b.slots) {
		b.slots = hashed(b.entries, 2*len(b.slots))
	}
	return uint32(len(b.entries) - 1)
}

// hashed returns a hash table of entries. Its size is a power of two.
func hashed(entries []entry, size int) []uint32 {
	slots := make([]uint32, size)
	mask := uint32(size - 1)
	for i, e := range entries {
		slot := e.hash & mask
		for slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		slots[slot] = uint32(i + 1)
	}
	return slots
}

// owner returns the entry of a name of the branch that owns a record. So the
// names between it and the branch's own exist too (RFC 4592 section 2.2.2).
func (b *builder) owner(name []byte) uint32 {
	e := b.intern(name, -1)
	if b.entries[e].exists {
		return e
	}
	b.entries[e].exists = true
	b.entries[0].exists = true
	start := int(b.entries[e].name)
	for i := range len(name) - len(b.branch) {
		if name[i] != '.' || escaped(name, i) {
			continue
		}
		above := b.intern(name[i+1:], start+i+1)
		if b.entries[above].exists {
			break
		}
		b.entries[above].exists = true
	}
	return e
}

// target appends a name to the data of a record.
func (b *builder) target(name []byte) {
	b.payload = append32(b.payload, b.intern(name, -1))
}

// add takes in a record, whose data is what the payload holds from start on.
func (b *builder) add(entry uint32, rrtype uint16, ttl uint32, start int) {
	b.records = append(b.records, record{
		entry: entry, rrtype: rrtype, ttl: ttl, offset: uint32(start), size: uint32(len(b.payload) - start),
	})
}

// pack returns what was gathered, nil if that is nothing.
func (b *builder) pack() *part {
	if b.hidden() {
		*b = builder{branch: b.branch, slots: b.slots, headless: true, entries: b.entries[:1], names: b.names[:len(b.branch)]}
		b.entries[0] = entry{hash: b.entries[0].hash, length: b.entries[0].length}
	} else if !b.entries[0].exists {
		return nil
	}
	p := &part{entries: slices.Clone(b.entries), records: len(b.records), headless: b.headless}
	var data strings.Builder
	data.Grow(len(b.names) + len(b.payload))
	data.Write(b.names)
	data.Write(b.payload)
	p.data = data.String()
	if n := len(p.entries); n > linear {
		size := 2 * linear
		for 2*size < 3*n {
			size *= 2
		}
		p.slots = hashed(p.entries, size)
	}
	b.sort()
	runs := b.runs[:0]
	next := 0
	for e := range p.entries {
		p.entries[e].runs = uint32(len(runs))
		for end := uint32(0); next < len(b.records) && b.records[next].entry == uint32(e); next++ {
			r := b.records[next]
			if n := len(runs); n > int(p.entries[e].runs) && runs[n-1].rrtype == r.rrtype && runs[n-1].ttl == r.ttl && end == r.offset {
				runs[n-1].count++
			} else {
				runs = append(runs, run{rrtype: r.rrtype, ttl: r.ttl, offset: uint32(len(b.names)) + r.offset, count: 1})
			}
			end = r.offset + r.size
		}
	}
	p.runs, b.runs = slices.Clone(runs), runs
	return p
}

// sort brings the records into the order of the entries. It keeps the order of
// the records of each entry.
func (b *builder) sort() {
	if slices.IsSortedFunc(b.records, func(a, o record) int { return int(a.entry) - int(o.entry) }) {
		return
	}
	next := make([]uint32, len(b.entries)+1)
	for _, r := range b.records {
		next[r.entry+1]++
	}
	for e := range b.entries {
		next[e+1] += next[e]
	}
	sorted := make([]record, len(b.records))
	for _, r := range b.records {
		sorted[next[r.entry]] = r
		next[r.entry]++
	}
	b.records = sorted
}

func append16(to []byte, n uint16) []byte { return append(to, byte(n>>8), byte(n)) }

func append32(to []byte, n uint32) []byte {
	return append(to, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
