// Package powercut is a filesystem for tests that forgets what was not synced when its power is cut. It promises as
// little as POSIX does:
//
//   - fsync(2) of a file keeps its data, length and mode, and not its name;
//   - fsync(2) of a folder keeps its entries, and not what they lead to;
//   - of everything else any part may be lost, whatever its order: a rename may be kept and what was written before it
//     lost, a length kept and the data lost, a write kept in part.
//
// Only one thing is taken for granted beyond that, since all filesystems with a journal do it: an entry's change, and a
// rename within a folder, is kept or lost as a whole.
package powercut

import (
	"maps"
	"sync"
	"syscall"
	"time"
)

// Disk is the filesystem. Its methods may be called while it is mounted.
type Disk struct {
	mu      sync.Mutex
	root    *node
	inodes  uint64
	left    int // changes until the power is cut
	off     bool
	renamed []Renamed
}

// Renamed is a file that others could read from its renaming on.
type Renamed struct {
	Name string
	Data []byte
}

// New returns an empty Disk, whose power is off.
func New() *Disk {
	d := &Disk{off: true}
	d.root = d.newNode(syscall.S_IFDIR | 0o755)
	return d
}

// Off reports whether the power is off.
func (d *Disk) Off() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.off
}

// Renamed returns the files that were renamed since it was called last, in their order.
func (d *Disk) Renamed() []Renamed {
	d.mu.Lock()
	defer d.mu.Unlock()
	renamed := d.renamed
	d.renamed = nil
	return renamed
}

// look does what changes nothing.
func (d *Disk) look(call func() syscall.Errno) syscall.Errno {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.off {
		return syscall.EIO
	}
	return call()
}

// change does what the power may be cut before. An fsync is such a call too.
func (d *Disk) change(call func() syscall.Errno) syscall.Errno {
	return d.look(func() syscall.Errno {
		if d.left == 0 {
			d.off = true
			return syscall.EIO
		}
		d.left--
		return call()
	})
}

// node is a file or a folder.
type node struct {
	ino   uint64
	state        // what everybody sees
	kept  state  // what an fsync has kept
	since []edit // what was done to it since then
}

type state struct {
	mode    uint32 // with the type
	data    []byte // of a file; never changed in place
	entries map[string]*node
	changed time.Time
}

// edit is one change of a state. Part is what may be kept of it: all is 1.
type edit func(s *state, part float64)

func (d *Disk) newNode(mode uint32) *node {
	d.inodes++
	s := state{mode: mode, changed: time.Now()}
	if mode&syscall.S_IFDIR != 0 {
		s.entries = map[string]*node{}
	}
	return &node{ino: d.inodes, state: s, kept: s.copy()}
}

func (n *node) isDir() bool { return n.entries != nil }

func (n *node) edit(e edit) {
	e(&n.state, 1)
	n.changed = time.Now()
	n.since = append(n.since, e)
}

func (n *node) sync() { n.kept, n.since = n.copy(), nil }

func (s state) copy() state {
	s.entries = maps.Clone(s.entries)
	return s
}

// write is a write(2). Part of it: its length and as many of its first sectors.
func write(data []byte, off int64) edit {
	const sector = 512
	return func(s *state, part float64) {
		grown := make([]byte, max(int64(len(s.data)), off+int64(len(data))))
		copy(grown, s.data)
		if part < 1 {
			data = data[:int(part*float64(len(data)))/sector*sector]
		}
		copy(grown[off:], data)
		s.data = grown
	}
}

func truncate(size uint64) edit {
	return func(s *state, _ float64) {
		data := make([]byte, size)
		copy(data, s.data)
		s.data = data
	}
}

func chmod(mode uint32) edit {
	return func(s *state, _ float64) { s.mode = s.mode&syscall.S_IFMT | mode&0o7777 }
}

func add(name string, n *node) edit {
	return func(s *state, _ float64) { s.entries[name] = n }
}

func remove(name string) edit {
	return func(s *state, _ float64) { delete(s.entries, name) }
}

func rename(from, to string, n *node) edit {
	return func(s *state, _ float64) {
		delete(s.entries, from)
		s.entries[to] = n
	}
}
