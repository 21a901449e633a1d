package zone

import (
	"hash/fnv"
	"slices"
	"sort"
	"strings"
	"time"
)

// order keeps the blocks of one zone sorted by key, in chunks, so that a change
// costs one chunk however large the zone is, and a view of it costs nothing.
//
// Chunk borders are defined by content: a key that isBorder starts a chunk, and
// nothing else does. So the borders depend on which keys there are, never on the
// order in which they came, and an insertion moves no other border.
type order struct {
	chunks []*chunk // never empty; each but the first starts with a border key
	counts Counts
	// changed is when that was seen which the last view has and the one before
	// has not.
	changed time.Time
	touched bool // since the last view
	// epoch is that of the next view. What has a smaller one may be part of a
	// view and is copied before it is changed.
	epoch       uint64
	chunksEpoch uint64

	keysPerBorder uint64
}

// chunk is a run of blocks between two borders. Once it is part of a view, it is
// not changed any more.
type chunk struct {
	start string // its border key, "" for the first chunk
	items []item
	epoch uint64
	cut   chunkFiles
}

type item struct {
	key   string
	block *block
}

// One key in so many is a border. The fewer, the less of a chunk is written and
// hashed with a change; the more, the shorter is the list of chunks, which is
// written as well. With 20,000 services of 2.5 KB, both are about even. 256
// pointers of one block of IPv4 addresses take 18 KB; IPv6 addresses can be so far
// apart that each has a block of its own.
const (
	servicesPerBorder = 32
	blocksPerBorder4  = 8
	blocksPerBorder6  = 32
)

// isBorder reports whether a key starts a chunk. It is the same on every
// machine and in every release.
func (o *order) isBorder(key string) bool {
	h := fnv.New64a()
	h.Write([]byte(key))
	return h.Sum64()%o.keysPerBorder == 0
}

func newOrder(keysPerBorder uint64) *order {
	return &order{chunks: []*chunk{{}}, keysPerBorder: keysPerBorder}
}

// view returns the chunks as they are now. They stay so. What has been put since
// the last view was seen at that time.
func (o *order) view(seen time.Time) []*chunk {
	if o.touched {
		o.changed, o.touched = seen, false
	}
	o.epoch++
	return o.chunks[:len(o.chunks):len(o.chunks)]
}

// put sets the block of a key, or removes it if the block is nil. It reports
// whether anything changed.
func (o *order) put(key string, b *block) bool {
	at, i, found := o.find(key)
	switch {
	case !found && b == nil:
		return false
	case !found:
		o.touched = true
		o.insert(at, i, item{key, b})
		o.counts = o.counts.plus(1, b.counts)
		return true
	}
	old := o.chunks[at].items[i].block
	if old.same(b) {
		return false
	}
	o.touched = true
	o.counts = o.counts.plus(-1, old.counts)
	if b == nil {
		o.remove(at, i)
		return true
	}
	o.counts = o.counts.plus(1, b.counts)
	o.edit(at).items[i].block = b
	return true
}

func (o *order) insert(at, i int, it item) {
	c := o.edit(at)
	if !o.isBorder(it.key) {
		c.items = slices.Insert(c.items, i, it)
		return
	}
	next := &chunk{start: it.key, epoch: o.epoch, items: append([]item{it}, c.items[i:]...)}
	c.items = slices.Clip(c.items[:i])
	o.chunks = slices.Insert(o.chunks, at+1, next)
}

func (o *order) remove(at, i int) {
	c := o.edit(at)
	key := c.items[i].key
	c.items = slices.Delete(c.items, i, i+1)
	if at == 0 || key != c.start {
		return
	}
	before := o.edit(at - 1)
	before.items = append(before.items, c.items...)
	o.chunks = slices.Delete(o.chunks, at, at+1)
}

// find returns the place of a key, in which chunk and in it. What is put in order
// comes at the end.
func (o *order) find(key string) (at, i int, found bool) {
	at = len(o.chunks) - 1
	if items := o.chunks[at].items; len(items) > 0 && items[len(items)-1].key < key {
		return at, len(items), false
	}
	at = chunkOf(o.chunks, key)
	i, found = o.chunks[at].find(key)
	return at, i, found
}

// chunkOf returns the index of the chunk that a key belongs to.
func chunkOf(chunks []*chunk, key string) int {
	return sort.Search(len(chunks)-1, func(i int) bool { return chunks[i+1].start > key })
}

func (c *chunk) find(key string) (int, bool) {
	return slices.BinarySearchFunc(c.items, key, func(it item, key string) int { return strings.Compare(it.key, key) })
}

// edit returns a chunk that may be changed: itself, or a copy in its place.
func (o *order) edit(at int) *chunk {
	if o.chunksEpoch != o.epoch {
		o.chunks, o.chunksEpoch = slices.Clone(o.chunks), o.epoch
	}
	if c := o.chunks[at]; c.epoch != o.epoch {
		o.chunks[at] = &chunk{start: c.start, items: slices.Clone(c.items), epoch: o.epoch}
	}
	return o.chunks[at]
}
