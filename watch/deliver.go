package watch

import (
	"context"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/clusterset-dns/zonegen/zone"
)

// changes returns the present state of all that is dirty, and takes it as
// handed out.
func (s *store) changes(d dirty) zone.Changes {
	s.mu.Lock()
	c, bare := s.deliver(d)
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
	present := make([]*service, 0, len(d.services))
	for _, key := range slices.SortedFunc(maps.Keys(d.services), compareKeys) {
		svc := s.services[key]
		switch {
		case svc == nil:
		case svc.exists:
			svc.delivered = true
			present = append(present, svc)
		default:
			if svc.delivered {
				svc.delivered = false
				c.Removed = append(c.Removed, key)
			}
			s.prune(svc)
		}
	}
	c.Services = unpackAll(present)
	for i, svc := range present {
		out := &c.Services[i]
		if trigger := d.services[svc.key]; !trigger.IsZero() {
			c.Triggers = append(c.Triggers, zone.Trigger{Type: out.Type, At: trigger})
		}
		if len(out.Slices) == 0 && !svc.told {
			svc.told = true
			if out.Type == zone.Headless {
				bare = append(bare, svc.key)
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

// unpackAll unpacks services, in parallel where there are many.
func unpackAll(packed []*service) []zone.Service {
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
