package watch

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// store is all that is known of services and namespaces, put together by
// service. Whatever changes it marks what is affected in the queue; what leaves
// everything as it was marks nothing.
//
// The methods that put, drop and replace are called within update.
type store struct {
	queue  *queue
	logger *slog.Logger

	mu         sync.Mutex
	services   map[zone.Key]*service
	slices     map[sliceID]*slice
	namespaces map[string]presence
	pending    dirty // touched in the update that is running
}

// service is an import, or slices, or both; or the memory of one that was
// handed out and whose removal was not yet.
type service struct {
	presence
	key    zone.Key
	spec   packed // empty without an import
	slices []*slice
	told   bool // the log says that there are no slices
}

// unpack returns all that is known of a service that has an import.
func (s *service) unpack() zone.Service {
	out := s.spec.unpack()
	out.Key = s.key
	if len(s.slices) > 0 {
		out.Slices = make([]zone.EndpointSlice, len(s.slices))
		for i, part := range s.slices {
			out.Slices[i] = part.unpack()
		}
	}
	return out
}

// presence says whether a thing exists, and whether it was handed out as existing.
type presence struct{ exists, delivered bool }

func newStore(q *queue, logger *slog.Logger) *store {
	return &store{
		queue:      q,
		logger:     logger,
		services:   map[zone.Key]*service{},
		slices:     map[sliceID]*slice{},
		namespaces: map[string]presence{},
		pending:    newDirty(),
	}
}

// update runs f, which may change everything but the queue. What f touches is
// marked when f is done: all at once, so that it goes into one batch, and with the
// position that is reached by it.
func (s *store) update(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.queue.touch(s.pending)
	s.pending = newDirty()
}

// reach notes the version of a kind with which this update makes the store agree.
func (s *store) reach(kind, version string) {
	s.pending.position = Position{}
	s.pending.position.reach(kind, version)
}

func (s *store) putImport(o *importObject) {
	svc := s.service(o.key)
	if svc.exists && svc.spec == o.spec {
		return
	}
	svc.exists, svc.spec = true, o.spec
	s.touch(svc, time.Time{})
}

func (s *store) dropImport(key zone.Key) {
	svc := s.services[key]
	if svc == nil || !svc.exists {
		return
	}
	svc.exists, svc.spec = false, ""
	s.touch(svc, time.Time{})
	s.prune(svc)
}

// replaceImports makes all the only imports there are.
func (s *store) replaceImports(all []*importObject) {
	listed := make(map[zone.Key]struct{}, len(all))
	for _, o := range all {
		listed[o.key] = struct{}{}
		s.putImport(o)
	}
	for key := range s.services {
		if _, ok := listed[key]; !ok {
			s.dropImport(key)
		}
	}
}

func (s *store) putSlice(o *sliceObject) {
	svc, old := s.service(o.service), s.slices[o.id]
	if old != nil && old.service == svc && old.same(o.slice) {
		old.triggered = o.triggered
		return
	}
	o.slice.service = svc
	svc.slices = append(svc.slices, o.slice)
	if old != nil {
		s.dropSlice(o.id)
	}
	s.slices[o.id] = o.slice
	s.touch(svc, o.trigger(old))
}

func (s *store) dropSlice(id sliceID) {
	old := s.slices[id]
	if old == nil {
		return
	}
	delete(s.slices, id)
	svc := old.service
	svc.slices = slices.DeleteFunc(svc.slices, func(x *slice) bool { return x == old })
	s.touch(svc, time.Time{})
	s.prune(svc)
}

// replaceSlices makes all the only slices there are.
func (s *store) replaceSlices(all []*sliceObject) {
	listed := make(map[sliceID]struct{}, len(all))
	for _, o := range all {
		listed[o.id] = struct{}{}
		s.putSlice(o)
	}
	for id := range s.slices {
		if _, ok := listed[id]; !ok {
			s.dropSlice(id)
		}
	}
}

func (s *store) putNamespace(name namespaceObject) {
	p := s.namespaces[string(name)]
	if p.exists {
		return
	}
	p.exists = true
	s.namespaces[string(name)] = p
	s.pending.namespaces[string(name)] = struct{}{}
}

func (s *store) dropNamespace(name namespaceObject) {
	p := s.namespaces[string(name)]
	switch {
	case !p.exists:
	case p.delivered:
		s.namespaces[string(name)] = presence{delivered: true}
		s.pending.namespaces[string(name)] = struct{}{}
	default:
		delete(s.namespaces, string(name))
	}
}

// replaceNamespaces makes all the only namespaces there are.
func (s *store) replaceNamespaces(all []namespaceObject) {
	listed := make(map[namespaceObject]struct{}, len(all))
	for _, name := range all {
		listed[name] = struct{}{}
		s.putNamespace(name)
	}
	for name := range s.namespaces {
		if _, ok := listed[namespaceObject(name)]; !ok {
			s.dropNamespace(namespaceObject(name))
		}
	}
}

// service returns the service named key, which is new if there was none.
func (s *store) service(key zone.Key) *service {
	svc := s.services[key]
	if svc == nil {
		svc = &service{key: key}
		s.services[key] = svc
	}
	return svc
}

// touch marks a service unless nobody knows of it: slices without an import are
// no service.
func (s *store) touch(svc *service, trigger time.Time) {
	if svc.exists || svc.delivered {
		s.pending.mark(svc.key, trigger)
	}
}

// prune forgets a service of which nothing is left and nothing is to be told.
func (s *store) prune(svc *service) {
	if svc.presence == (presence{}) && len(svc.slices) == 0 {
		delete(s.services, svc.key)
	}
}
