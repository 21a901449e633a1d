package multicluster

import (
	"hash/maphash"
	"slices"
)

// seed makes the hashes of names and texts unpredictable, so that nobody can
// choose names that collide.
var seed = maphash.MakeSeed()

// part is the records of one branch that came from one block of text. It is
// packed: a few pieces of memory without pointers inside, however many records
// there are. It never changes, but for from.
type part struct {
	// data holds the text of the names, then the data of the records.
	data    string
	entries []entry // one for each name; the first is the branch's own
	slots   []uint32
	runs    []run // sorted by entry
	records int
	// headless says that the branch is a headless service that is left out. It
	// is set with noendpoints only, and the part has no records then.
	headless bool
	// from is where the records come from. Only the zone's loader looks at it.
	from *source
}

// entry is a name of a part. It exists if it or a name below it owns records;
// otherwise it is the target of a record only.
type entry struct {
	hash   uint32
	name   uint32 // offset in data
	runs   uint32 // the first; the last is before the next entry's first
	length uint16 // of the name
	exists bool
}

// run is records of one name, type and TTL. Their data stands together:
//
//	A, AAAA   the address
//	SRV       priority, weight, port, and the target as the number of an entry (4 octets)
//	PTR       the target in the same way
//	others    the length (2 octets) and the data in wire format, uncompressed
type run struct {
	ttl    uint32
	offset uint32 // in data
	count  uint32
	rrtype uint16
}

// first returns the first n records of a run: all if there are fewer, none if n is
// negative.
func (r run) first(n int) run {
	r.count = uint32(min(int(r.count), max(n, 0)))
	return r
}

// linear is up to how many entries a part has no hash table.
const linear = 8

func (p *part) name(e int) string {
	return p.data[p.entries[e].name:][:p.entries[e].length]
}

// branch is the name of the branch that the part belongs to.
func (p *part) branch() string { return p.name(0) }

// runsOf are the records of an entry.
func (p *part) runsOf(e int) []run {
	end := uint32(len(p.runs))
	if e+1 < len(p.entries) {
		end = p.entries[e+1].runs
	}
	return p.runs[p.entries[e].runs:end]
}

// find returns the number of the entry of a name, -1 if the part has none.
func (p *part) find(hash uint64, name string) int {
	short := uint32(hash)
	if p.slots == nil {
		for i := range p.entries {
			if p.entries[i].hash == short && p.name(i) == name {
				return i
			}
		}
		return -1
	}
	mask := uint32(len(p.slots) - 1)
	for at := short & mask; p.slots[at] != 0; at = (at + 1) & mask {
		if i := int(p.slots[at] - 1); p.entries[i].hash == short && p.name(i) == name {
			return i
		}
	}
	return -1
}

// equal reports whether two parts of one branch say the same in the same order.
func (p *part) equal(o *part) bool {
	return p.data == o.data && p.headless == o.headless &&
		slices.Equal(p.entries, o.entries) && slices.Equal(p.runs, o.runs)
}
