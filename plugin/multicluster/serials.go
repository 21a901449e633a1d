package multicluster

import "github.com/clusterset-dns/zonegen/zone"

// serials remembers which serials the versions of a zone had.
type serials struct {
	any      bool
	greatest uint32 // of all since the start (RFC 1982)
}

// take takes in the serial of a new version. It reports whether no other version had
// it: it is greater than all before. Of the first one nobody can tell. Before the
// server was started anew, it may have had that serial for another version: of
// another file, or with or without endpoints.
func (s *serials) take(serial uint32) bool {
	first := !s.any
	if !first && !zone.SerialLess(s.greatest, serial) {
		return false
	}
	s.any, s.greatest = true, serial
	return !first
}
