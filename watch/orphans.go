package watch

import "github.com/clusterset-dns/zonegen/zone"

// Orphans implements [Source].
func (k *Kubernetes) Orphans() map[zone.Key]int { return k.store.orphans() }

// Orphans implements [Source].
func (m *Manifests) Orphans() map[zone.Key]int { return m.store.orphans() }

// orphans are the slices without an import, which are no service.
func (s *store) orphans() map[zone.Key]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := map[zone.Key]int{}
	for key, svc := range s.services {
		if !svc.exists && len(svc.slices) > 0 {
			found[key] = len(svc.slices)
		}
	}
	return found
}
