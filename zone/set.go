package zone

import (
	"maps"
	"runtime"
	"sync"
	"time"
)

// Changes is what has happened to the services of a clusterset.
type Changes struct {
	// Services are the new states of those that are new or have changed.
	Services []Service
	// Removed are those that are gone.
	Removed []Key
	// Namespaces are those that have come to exist, RemovedNamespaces those that
	// are gone. A namespace with a service exists in any case.
	Namespaces, RemovedNamespaces []string
	// Seen is when the first of these changes was seen; zero if that is not
	// known, or shall not be told.
	Seen time.Time
	// Triggers tell how long ago those of these changes were that the cluster
	// itself has timed.
	Triggers []Trigger
}

// Trigger is when the endpoints of a service changed, by the clock of the
// cluster that they are in: the first of the changes since the last [Changes].
type Trigger struct {
	Type Type // of the service
	At   time.Time
}

// Set is all zones of a clusterset, kept up to date by [Set.Apply]. It is not
// safe for concurrent use; the snapshots that it gives are.
type Set struct {
	options    Options
	forward    []*forwardZone
	reverse    *reverse
	services   map[Key]*entry
	namespaces map[string]*namespace
	existing   int       // namespaces that exist
	published  int       // services with records
	seen       time.Time // the earliest Seen of the changes since the last Snapshots
	judge      func(lost []Key, of int) (hold bool)
	held       map[Key]struct{} // services that keep records that they should not have
}

// forwardZone is one zone of services.
type forwardZone struct {
	origin   string
	apex     apex
	order    *order
	renderer *renderer // kept, so that a single change is rendered in memory that is there
}

// entry is what a set knows of one service.
type entry struct {
	Key
	blocks []*block // one for each forward zone; nil where it has no records
}

type namespace struct {
	declared bool // the namespace itself was seen
	services int  // with records
	exists   bool
}

// NewSet returns the set of zones that the options describe, without services.
// Of each option that cannot be used, the joined error holds an [OptionError].
func NewSet(o Options) (*Set, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Set{options: o, services: make(map[Key]*entry), namespaces: make(map[string]*namespace), held: make(map[Key]struct{})}
	s.reverse = newReverse(o)
	for i, z := range o.Zones {
		noClaims := i > 0 || len(s.reverse.zones) == 0 // PTR records point into the first zone
		s.forward = append(s.forward, &forwardZone{origin: z, apex: forwardApex(z, o), order: newOrder(servicesPerBorder), renderer: newRenderer(z, o, noClaims)})
	}
	s.mark("", s.existing == 0)
	return s, nil
}

// Apply takes in changes and returns what was dropped of the changed services.
func (s *Set) Apply(c Changes) []Problem {
	s.see(c.Seen)
	var problems []Problem
	touched := make(map[string]*namespace)
	for _, name := range c.Namespaces {
		if !isLabel(name) {
			problems = append(problems, newProblem(Key{Namespace: name}, BadName, "metadata.name", name,
				"the namespace is left out: its name is no DNS label (1 to 63 lower-case letters, digits and inner hyphens); rename it"))
			continue
		}
		s.touch(touched, name).declared = true
	}
	for _, name := range c.RemovedNamespaces {
		s.touch(touched, name).declared = false
	}
	all := s.renderAll(c.Services)
	s.holdLosses(c, all)
	for _, key := range c.Removed {
		if !s.isHeld(key) {
			s.drop(touched, key)
		}
	}
	if len(s.services) == 0 {
		s.services = make(map[Key]*entry, len(c.Services)) // the first state may be large
	}
	for i, r := range all {
		if key := c.Services[i].Key; !s.isHeld(key) {
			s.replace(touched, key, r.blocks)
		}
		problems = append(problems, r.problems...)
	}
	s.settle(touched)
	return problems
}

// see notes when changes were seen.
func (s *Set) see(at time.Time) {
	if s.seen.IsZero() || at.Before(s.seen) {
		s.seen = at
	}
}

// drop forgets a service.
func (s *Set) drop(touched map[string]*namespace, key Key) {
	s.replace(touched, key, make([]*block, len(s.forward)))
	delete(s.services, key)
}

// touch returns a namespace and notes that it may have changed.
func (s *Set) touch(touched map[string]*namespace, name string) *namespace {
	ns := s.namespaces[name]
	if ns == nil {
		ns = new(namespace)
		s.namespaces[name] = ns
	}
	touched[name] = ns
	return ns
}

// replace puts new blocks in the place of a service's old ones.
func (s *Set) replace(touched map[string]*namespace, key Key, blocks []*block) {
	e := s.services[key]
	if e == nil {
		e = &entry{Key: key, blocks: make([]*block, len(s.forward))}
		s.services[key] = e
	}
	changed := false
	old, now := e.blocks[0], blocks[0]
	for i, f := range s.forward {
		if !blocks[i].same(e.blocks[i]) {
			e.blocks[i] = blocks[i]
			changed = f.order.put(orderKey(key.Namespace, key.Name), blocks[i])
		}
	}
	if !changed {
		return
	}
	s.reverse.update(e, old, now)
	switch ns := s.touch(touched, key.Namespace); {
	case old == nil:
		ns.services++
		s.published++
	case now == nil:
		ns.services--
		s.published--
	}
}

// settle writes and removes the markers of namespaces that may have changed.
func (s *Set) settle(touched map[string]*namespace) {
	for name, ns := range touched {
		exists := ns.declared || ns.services > 0
		if exists != ns.exists {
			ns.exists = exists
			if exists {
				s.existing++
			} else {
				s.existing--
			}
		}
		s.mark(orderKey(name, ""), exists && ns.services == 0)
		if !exists {
			delete(s.namespaces, name)
		}
	}
	s.mark("", s.existing == 0)
}

// mark makes sure that a namespace, or svc.Z itself for the empty key, exists in
// the zones although nothing else is below it.
func (s *Set) mark(key string, wanted bool) {
	for _, f := range s.forward {
		var b *block
		if wanted {
			b = markerBlock(key, f.origin, s.options.TTL)
		}
		f.order.put(key, b)
	}
}

// orderKey sorts as the names do in canonical order (RFC 4034 section 6.1): the
// namespaces, each before its services.
func orderKey(namespace, service string) string { return namespace + "\x00" + service }

// rendered is what became of one service.
type rendered struct {
	blocks   []*block
	problems []Problem
}

// renderAll renders services, in parallel where there are many.
func (s *Set) renderAll(services []Service) []rendered {
	out := make([]rendered, len(services))
	inParallel(len(services), func(from, to int) {
		zones := len(s.forward)
		blocks := make([]*block, zones*(to-from))
		for i := from; i < to; i++ {
			out[i].blocks, blocks = blocks[:zones:zones], blocks[zones:]
		}
		for z, f := range s.forward {
			r := f.renderer
			if from > 0 {
				r = newRenderer(f.origin, s.options, r.noClaims)
			}
			for i := from; i < to; i++ {
				b, problems := r.render(&services[i])
				out[i].blocks[z] = b
				// A longer zone can have more of them.
				if z == 0 || len(problems) > len(out[i].problems) {
					out[i].problems = problems
				}
			}
		}
	})
	return out
}

// inParallel has all of n things done, in parallel if they are many: each core has
// a range of them.
func inParallel(n int, do func(from, to int)) {
	workers := min(runtime.GOMAXPROCS(0), n/64+1)
	var wg sync.WaitGroup
	for w := 1; w < workers; w++ {
		wg.Go(func() { do(w*n/workers, (w+1)*n/workers) })
	}
	do(0, n/workers)
	wg.Wait()
}

// Snapshots returns a view of each zone as it is now: the forward zones in the
// order of the options, then the reverse zones.
func (s *Set) Snapshots() []*Snapshot {
	s.reverse.flush()
	var all []*Snapshot
	held := maps.Clone(s.held)
	for _, f := range s.forward {
		snapshot := newSnapshot(f.origin, f.apex, f.order, s.seen)
		snapshot.held = held
		all = append(all, snapshot)
	}
	for _, z := range s.reverse.zones {
		all = append(all, newSnapshot(z.origin, z.apex, z.order, s.seen))
	}
	s.seen = time.Time{}
	return all
}

// Services is the number of services that have records.
func (s *Set) Services() int { return s.published }
