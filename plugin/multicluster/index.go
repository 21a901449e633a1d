package multicluster

import (
	"hash/maphash"
	"slices"
	"strings"
)

// index finds the branches of a zone by name. It never changes; an [editor] makes
// another, which shares with it all shards but those that it touches.
type index struct {
	zone     string
	shards   []*shard // their number is a power of two
	branches int
}

// shard is the branches whose hashes end alike.
type shard struct {
	hashes   []uint64
	branches []branch
}

// branch is the names at and below one name.
type branch struct {
	name  string
	parts []*part // in the order of the blocks that they come from
	below int     // branches whose name is the name with one more label
}

// fill is the number of branches in a shard, on average, at which there will be
// more shards.
const fill = 32

func newIndex(zone string) *index {
	return &index{zone: zone, shards: []*shard{new(shard)}}
}

func (x *index) shardOf(hash uint64) uint64 { return hash & uint64(len(x.shards)-1) }

func (s *shard) find(hash uint64, name string) int {
	for i, h := range s.hashes {
		if h == hash && s.branches[i].name == name {
			return i
		}
	}
	return -1
}

// find returns the branch of this name, nil if there is none.
func (x *index) find(name string) *branch {
	hash := maphash.String(seed, name)
	s := x.shards[x.shardOf(hash)]
	if i := s.find(hash, name); i >= 0 {
		return &s.branches[i]
	}
	return nil
}

// hidden reports whether the branch is that of a headless service that
// noendpoints leaves out.
func (b *branch) hidden() bool {
	for _, p := range b.parts {
		if p.headless {
			return true
		}
	}
	return false
}

// editor makes an index out of another.
type editor struct {
	index
	owned []bool // shards that are not shared
}

func (x *index) edit() *editor {
	e := &editor{index: *x, owned: make([]bool, len(x.shards))}
	e.shards = slices.Clone(x.shards)
	return e
}

// result returns the new index. The editor must not be used after that.
func (e *editor) result() *index { return &e.index }

// own returns a shard that can be changed.
func (e *editor) own(hash uint64) *shard {
	i := e.shardOf(hash)
	if !e.owned[i] {
		old := e.shards[i]
		e.shards[i] = &shard{hashes: slices.Clone(old.hashes), branches: slices.Clone(old.branches)}
		e.owned[i] = true
	}
	return e.shards[i]
}

// set gives a branch these parts, none to remove it. The index does not hold on
// to the memory of the name.
func (e *editor) set(name string, parts []*part) {
	if e.find(name) == nil {
		name = strings.Clone(name)
	}
	e.change(name, func(b *branch) { b.parts = parts })
}

// change changes a branch, which is made if there is none, and removed if it
// holds nothing then. The names above it follow.
func (e *editor) change(name string, do func(*branch)) {
	hash := maphash.String(seed, name)
	s := e.own(hash)
	i := s.find(hash, name)
	existed := i >= 0
	if !existed {
		i = len(s.hashes)
		s.hashes = append(s.hashes, hash)
		s.branches = append(s.branches, branch{name: name})
		e.branches++
	}
	do(&s.branches[i])
	exists := len(s.branches[i].parts) > 0 || s.branches[i].below > 0
	if !exists {
		last := len(s.hashes) - 1
		s.hashes[i], s.branches[i] = s.hashes[last], s.branches[last]
		s.branches[last] = branch{}
		s.hashes, s.branches = s.hashes[:last], s.branches[:last]
		e.branches--
	}
	if above := parent(name); exists != existed && name != e.zone && above != e.zone {
		e.change(above, func(b *branch) {
			if exists {
				b.below++
			} else {
				b.below--
			}
		})
		return
	}
	e.grow()
}

// grow makes more shards if they are full.
func (e *editor) grow() {
	if e.branches <= fill*len(e.shards) {
		return
	}
	old := e.shards
	e.shards = make([]*shard, 4*len(old))
	e.owned = make([]bool, len(e.shards))
	for i := range e.shards {
		e.shards[i] = new(shard)
		e.owned[i] = true
	}
	for _, s := range old {
		for i, hash := range s.hashes {
			to := e.shards[e.shardOf(hash)]
			to.hashes = append(to.hashes, hash)
			to.branches = append(to.branches, s.branches[i])
		}
	}
}
