package multicluster

import (
	"hash/maphash"

	"github.com/coredns/coredns/plugin/file"
)

// snapshot is one version of a zone. It never changes.
type snapshot struct {
	branching
	apex
	records int
	index   *index
	past    journal // of the versions before
	unique  bool    // no other version had this serial, and a journal can begin
	// file holds the zone instead of the index if the zone has what the index
	// cannot serve.
	file *file.Zone
}

// place is a name in one part of its branch.
type place struct {
	*part
	entry int
	alone bool // the branch is in this part only
}

// lookup returns the places where a name has records, and whether it exists.
// The memory of the places is appended to have.
func (s *snapshot) lookup(name string, have []place) (places []place, exists bool) {
	branchName := name[cut(s.branching, name):]
	b := s.index.find(branchName)
	if b == nil {
		return have, name == s.zone
	}
	exists = name == s.zone || len(branchName) == len(name) && b.below > 0
	if b.hidden() {
		return have, exists
	}
	hash := maphash.String(seed, name)
	for _, p := range b.parts {
		if e := p.find(hash, name); e >= 0 && p.entries[e].exists {
			exists = true
			have = append(have, place{p, e, len(b.parts) == 1})
		}
	}
	return have, exists
}

// serial is that of the SOA.
func (s *snapshot) serial() uint32 { return s.soa.Serial }
