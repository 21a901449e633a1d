package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"
)

// restless is a clusterset in a manifest file that zonegen follows, which changes at random.
type restless struct {
	t        testing.TB
	rng      *rand.Rand
	file     string
	services []zone.Service
	gone     map[zone.Key]bool
	changes  uint32
	last     [2]expectation // an IPv4 address and an IPv6 address of one name
}

func newRestless(t testing.TB, dir string, seed uint64) *restless {
	r := &restless{
		t: t, rng: rand.New(rand.NewPCG(seed, 1995)), file: filepath.Join(dir, "services.yaml"),
		services: synthetic.Services(synthetic.Size{Services: 60, Endpoints: 12}, seed),
		gone:     make(map[zone.Key]bool),
	}
	r.change()
	return r
}

// change changes up to three services, and gives one more addresses that nobody had before: the last change, which
// all zones show.
func (r *restless) change() {
	r.t.Helper()
	for range 1 + r.rng.IntN(3) {
		r.alter(&r.services[r.rng.IntN(len(r.services))])
	}
	r.changes++
	v4 := netip.AddrFrom4([4]byte{172, 16, byte(r.changes >> 8), byte(r.changes)}).String()
	v6 := fmt.Sprintf("fd00:1::%x", r.changes)
	marker := zone.Service{Key: zone.Key{Namespace: "test", Name: "marker"}, Type: zone.ClusterSetIP, IPs: []string{v4, v6}}
	name := marker.Name + "." + marker.Namespace + "." + svc
	r.last = [2]expectation{{name, v4}, {name, v6}}
	r.write(marker)
}

// alter makes a random change to a service.
func (r *restless) alter(s *zone.Service) {
	if r.gone[s.Key] || r.rng.IntN(8) == 0 {
		r.gone[s.Key] = !r.gone[s.Key]
		return
	}
	if r.rng.IntN(4) == 0 {
		s.Ports = r.ports()
		return
	}
	if s.Type == zone.ClusterSetIP {
		s.IPs = [][]string{{r.address(false)}, {r.address(true)}, {r.address(false), r.address(true)}, nil}[r.rng.IntN(4)]
		return
	}
	slice := &s.Slices[r.rng.IntN(len(s.Slices))]
	slice.Endpoints = slices.Clone(slice.Endpoints)
	if n := len(slice.Endpoints); n > 0 {
		e := &slice.Endpoints[r.rng.IntN(n)]
		switch r.rng.IntN(4) {
		case 0:
			e.Ready = !e.Ready
		case 1:
			e.Hostname = fmt.Sprintf("pod-%d", r.rng.IntN(3))
		case 2:
			e.Addresses = []string{r.address(false)}
		default:
			slice.Endpoints = slice.Endpoints[1:]
		}
	}
	if len(slice.Endpoints) < 4 || r.rng.IntN(4) == 0 {
		slice.Endpoints = append(slice.Endpoints, zone.Endpoint{Addresses: []string{r.address(false)}, Ready: true})
	}
}

func (r *restless) ports() []zone.Port {
	all := make(map[string]zone.Port)
	for range 1 + r.rng.IntN(3) {
		p := zone.Port{Name: []string{"http", "sql", "metrics"}[r.rng.IntN(3)], Protocol: "TCP", Number: 80 + r.rng.Int32N(3)}
		all[p.Name] = p
	}
	return slices.Collect(maps.Values(all))
}

func (r *restless) address(v6 bool) string {
	if v6 {
		return fmt.Sprintf("fd00::%x", 1+r.rng.IntN(50))
	}
	return fmt.Sprintf("10.200.0.%d", 1+r.rng.IntN(50))
}

// write replaces the file at once.
func (r *restless) write(marker zone.Service) {
	r.t.Helper()
	var text bytes.Buffer
	add := func(kind, version string, object any) {
		document, err := yaml.Marshal(object)
		if err != nil {
			r.t.Fatal(err)
		}
		fmt.Fprintf(&text, "---\napiVersion: %s\nkind: %s\n%s", version, kind, document)
	}
	for _, s := range append(slices.Clone(r.services), marker) {
		if r.gone[s.Key] {
			continue
		}
		imported, endpoints := objectsOf(&s)
		add("ServiceImport", "multicluster.x-k8s.io/v1beta1", imported)
		for _, slice := range endpoints {
			add("EndpointSlice", "discovery.k8s.io/v1", slice)
		}
	}
	next := filepath.Join(filepath.Dir(r.file), ".next")
	if err := os.WriteFile(next, text.Bytes(), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(next, r.file); err != nil {
		r.t.Fatal(err)
	}
}
