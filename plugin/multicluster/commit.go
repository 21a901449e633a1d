package multicluster

import (
	"cmp"
	"slices"
	"strings"
)

// change is what becomes of one branch.
type change struct {
	gone []*part
	come []*part
}

// commit makes a draft the current version. It returns nil if that says the same
// as the one before.
func (l *loader) commit(d *draft, a apex) *snapshot {
	changes := make(map[string]*change)
	at := func(p *part) *change {
		c := changes[p.branch()]
		if c == nil {
			c = new(change)
			changes[p.branch()] = c
		}
		return c
	}
	for branch := range l.split {
		changes[branch] = new(change) // the blocks may stand in another order now
	}
	for _, segment := range l.segments {
		if segment.used == l.loads {
			continue
		}
		if segment.chunk != "" {
			delete(l.chunks, segment.chunk)
		}
		for _, s := range segment.sources {
			if s.used == l.loads {
				continue
			}
			if l.known[s.digest] == s {
				delete(l.known, s.digest)
			}
			for _, p := range s.parts {
				c := at(p)
				c.gone = append(c.gone, p)
			}
		}
	}
	for i, segment := range d.segments {
		segment.at = i
		if segment.chunk != "" {
			if l.chunks[segment.chunk] == segment {
				continue
			}
			l.chunks[segment.chunk] = segment
		}
		for j, s := range segment.sources {
			s.segment, s.at = segment, j
		}
	}
	for _, s := range d.fresh {
		l.known[s.digest] = s
		for i, p := range s.parts {
			c := at(p)
			if same := slices.IndexFunc(c.gone, p.equal); same >= 0 {
				stays := c.gone[same]
				stays.from, s.parts[i] = s, stays
				c.gone = slices.Delete(c.gone, same, same+1)
				continue
			}
			c.come = append(c.come, p)
		}
	}
	l.segments = d.segments
	return l.publish(changes, a)
}

// publish makes the snapshot that the changes lead to.
func (l *loader) publish(changes map[string]*change, a apex) *snapshot {
	var e *editor
	past := l.step()
	for branch, c := range changes {
		was, parts := l.replace(branch, c)
		if slices.Equal(was, parts) {
			continue
		}
		if delete(l.split, branch); len(parts) > 1 {
			l.split[strings.Clone(branch)] = true
		}
		if e == nil {
			e = l.index.edit()
		}
		e.set(branch, parts)
		if past != nil {
			past.add(strings.Clone(branch), was)
		}
	}
	if e != nil {
		l.index = e.result()
	} else if l.current != nil && l.current.file == nil && l.current.sameAs(a) {
		return nil
	}
	s := &snapshot{
		branching: branchingOf(l.zone), apex: a, index: l.index, records: l.records + 1 + len(a.ns),
		unique: l.serials.take(a.soa.Serial),
	}
	if past != nil && s.unique {
		s.past = l.current.past.with(past, l.journal)
	}
	l.current = s
	return s
}

// step returns a step from the current version on, nil if none is to be kept: of a
// secondary that has its serial, nobody could tell what it has.
func (l *loader) step() *step {
	if l.current == nil || !l.current.unique || l.journal.versions == 0 {
		return nil
	}
	return newStep(l.current.apex)
}

// replace returns the parts that a branch had before a change, and those that it
// has now.
func (l *loader) replace(branch string, c *change) (was, parts []*part) {
	if b := l.index.find(branch); b != nil {
		was, parts = b.parts, slices.Clone(b.parts)
	}
	for _, p := range c.gone {
		l.records -= p.records
		i := slices.Index(parts, p)
		parts = slices.Delete(parts, i, i+1)
	}
	for _, p := range c.come {
		l.records += p.records
	}
	parts = append(parts, c.come...)
	slices.SortFunc(parts, func(a, b *part) int {
		return cmp.Or(cmp.Compare(a.from.segment.at, b.from.segment.at), cmp.Compare(a.from.at, b.from.at))
	})
	return was, parts
}

// sameAs reports whether a snapshot has the same apex, whatever the time of change.
func (s *snapshot) sameAs(a apex) bool {
	if *s.soa != *a.soa || len(s.ns) != len(a.ns) {
		return false
	}
	for i, ns := range a.ns {
		if *ns != *s.ns[i] {
			return false
		}
	}
	return true
}
