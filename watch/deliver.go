package watch

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/clusterset-dns/zonegen/zone"
)

// changes returns the present state of all that is dirty, and takes it as
// handed out.
func (s *store) changes(d dirty) zone.Changes {
	var c zone.Changes
	for key, trigger := range d.services {
		if svc, exists, gone := s.deliver(key); exists {
			c.Services = append(c.Services, svc)
			if !trigger.IsZero() {
				c.Triggers = append(c.Triggers, zone.Trigger{Type: svc.Type, At: trigger})
			}
		} else if gone {
			c.Removed = append(c.Removed, key)
		}
	}
	for name := range d.namespaces {
		if exists, gone := s.deliverNamespace(name); exists {
			c.Namespaces = append(c.Namespaces, name)
		} else if gone {
			c.RemovedNamespaces = append(c.RemovedNamespaces, name)
		}
	}
	slices.SortFunc(c.Services, func(a, b zone.Service) int { return compareKeys(a.Key, b.Key) })
	slices.SortFunc(c.Removed, compareKeys)
	slices.Sort(c.Namespaces)
	slices.Sort(c.RemovedNamespaces)
	return c
}

// deliver returns a service as it is now, or whether it is gone since it was
// handed out last.
func (s *store) deliver(key zone.Key) (out zone.Service, exists, gone bool) {
	s.mu.Lock()
	svc := s.services[key]
	if svc == nil {
		s.mu.Unlock()
		return out, false, false
	}
	gone = svc.delivered && !svc.exists
	svc.delivered = svc.exists
	if !svc.exists {
		s.prune(svc)
		s.mu.Unlock()
		return out, false, gone
	}
	spec, parts := svc.spec, slices.Clone(svc.slices) // each part is immutable
	tell := !svc.told && len(parts) == 0
	svc.told = svc.told || tell
	s.mu.Unlock()

	out = spec.unpack()
	out.Key = key
	for _, part := range parts {
		out.Slices = append(out.Slices, part.unpack())
	}
	if tell && out.Type == zone.Headless {
		s.logger.LogAttrs(context.Background(), slog.LevelDebug, "headless service without EndpointSlices has no records",
			slog.String("namespace", key.Namespace), slog.String("service", key.Name))
	}
	return out, true, false
}

func (s *store) deliverNamespace(name string) (exists, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
