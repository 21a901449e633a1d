package zone

import (
	"maps"
	"slices"
	"time"
)

// HoldLosses has [Set.Apply] ask judge about services that would lose all of their
// records: lost are those of one Apply, before which so many services had records.
// If judge returns true, they keep the records that they have until [Set.LetGo], or
// until they have others. Nil, as in the beginning, judges that losses are true.
func (s *Set) HoldLosses(judge func(lost []Key, of int) (hold bool)) { s.judge = judge }

// Held is the number of services that keep records although they should have none.
func (s *Set) Held() int { return len(s.held) }

// LetGo takes the records from all services that are held.
func (s *Set) LetGo() { s.LetGoOf(slices.Collect(maps.Keys(s.held))) }

// LetGoOf takes the records from those services that are held. Others keep theirs.
func (s *Set) LetGoOf(services []Key) {
	s.see(time.Now())
	touched := make(map[string]*namespace)
	for _, key := range services {
		if s.isHeld(key) {
			s.drop(touched, key)
			delete(s.held, key)
		}
	}
	s.settle(touched)
}

// holdLosses holds the services that changes take all records from, if they are to be
// held, and forgets that of those that have records again.
func (s *Set) holdLosses(c Changes, now []rendered) {
	var lost []Key
	judge := func(key Key, has bool) {
		e := s.services[key]
		switch {
		case has:
			delete(s.held, key)
		case e != nil && e.blocks[0] != nil && !s.isHeld(key):
			lost = append(lost, key)
		}
	}
	for _, key := range c.Removed {
		judge(key, false)
	}
	for i, r := range now {
		judge(c.Services[i].Key, r.blocks[0] != nil)
	}
	if len(lost) == 0 || s.judge == nil || !s.judge(lost, s.published) {
		return
	}
	for _, key := range lost {
		s.held[key] = struct{}{}
	}
}

func (s *Set) isHeld(key Key) bool {
	_, held := s.held[key]
	return held
}
