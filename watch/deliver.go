package watch

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// changes returns the present state of all that is dirty, which take tells, and
// takes it as handed out.
func (s *store) changes(take func() dirty) zone.Changes {
	s.mu.Lock()
	c, bare := s.deliver(take())
	s.mu.Unlock()
	for _, key := range bare {
		s.logger.LogAttrs(context.Background(), slog.LevelDebug, "headless service without EndpointSlices has no records",
			slog.String("namespace", key.Namespace), slog.String("service", key.Name))
	}
	return c
}

// deliver returns the changes, and headless services without slices that the log
// shall be told of.
func (s *store) deliver(d dirty) (c zone.Changes, bare []zone.Key) {
	var present []touched
	for _, t := range s.touched(d) {
		switch {
		case t.exists:
			t.delivered = true
			present = append(present, t)
		case t.delivered:
			t.delivered = false
			c.Removed = append(c.Removed, t.key)
		}
		s.prune(t.service)
	}
	c.Services = unpackAll(present)
	for i, t := range present {
		out := &c.Services[i]
		if !t.trigger.IsZero() {
			c.Triggers = append(c.Triggers, zone.Trigger{Type: out.Type, At: t.trigger})
		}
		if len(out.Slices) == 0 && !t.told {
			t.told = true
			if out.Type == zone.Headless {
				bare = append(bare, t.key)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.namespaces)) {
		if exists, gone := s.deliverNamespace(name); exists {
			c.Namespaces = append(c.Namespaces, name)
		} else if gone {
			c.RemovedNamespaces = append(c.RemovedNamespaces, name)
		}
	}
	return c, bare
}

// touched is a service that is dirty.
type touched struct {
	*service
	trigger time.Time
}

// touched returns the services that are dirty and not forgotten yet, by their keys.
func (s *store) touched(d dirty) []touched {
	all := make([]touched, 0, len(d.services))
	for key, trigger := range d.services {
		if svc := s.services[key]; svc != nil {
			all = append(all, touched{svc, trigger})
		}
	}
	slices.SortFunc(all, func(a, b touched) int { return compareKeys(a.key, b.key) })
	return all
}

// unpackAll unpacks services, in parallel where there are many.
func unpackAll(packed []touched) []zone.Service {
	out := make([]zone.Service, len(packed))
	workers := min(runtime.GOMAXPROCS(0), len(packed)/256+1)
	var wg sync.WaitGroup
	for w := range workers {
		from, to := w*len(packed)/workers, (w+1)*len(packed)/workers
		wg.Go(func() {
			for i := from; i < to; i++ {
				out[i] = packed[i].unpack()
			}
		})
	}
	wg.Wait()
	return out
}

func (s *store) deliverNamespace(name string) (exists, gone bool) {
	p, ok := s.namespaces[name]
	if !ok {
		return false, false
	}
	gone = p.delivered && !p.exists
	p.delivered = p.exists
	if p.exists {
		s.namespaces[name] = p
	} else {
		delete(s.namespaces, name)
	}
	return p.exists, gone
}

func compareKeys(a, b zone.Key) int {
	if n := strings.Compare(a.Namespace, b.Namespace); n != 0 {
		return n
	}
	return strings.Compare(a.Name, b.Name)
}
