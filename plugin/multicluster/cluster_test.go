package multicluster

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"

	"github.com/miekg/dns"
)

// clusterOf makes a clusterset.
func clusterOf(services, endpoints int) []zone.Service {
	return synthetic.Services(synthetic.Size{Services: services, Endpoints: endpoints}, 1)
}

// cluster is a clusterset and its forward zone.
type cluster struct {
	name     string
	services []zone.Service
	set      *zone.Set
	snapshot *zone.Snapshot
	text     []byte
}

// small has 64,000 records and large 1,000,000.
var (
	small = sync.OnceValue(func() *cluster { return newCluster("64k", synthetic.Small) })
	large = sync.OnceValue(func() *cluster { return newCluster("1M", synthetic.Large) })
)

func newCluster(name string, size synthetic.Size) *cluster {
	c := &cluster{name: name, services: synthetic.Services(size, 1)}
	set, err := zone.NewSet(zone.Options{TTL: 5, NoReverse: true})
	if err != nil {
		panic(err)
	}
	c.set = set
	c.set.Apply(zone.Changes{Services: c.services})
	c.snapshot = c.set.Snapshots()[0]
	c.text = c.snapshot.Append(nil, 1)
	return c
}

// change changes one endpoint of a headless service in the middle.
func (c *cluster) change(ready bool) *zone.Snapshot {
	s := &c.services[len(c.services)/10*5]
	s.Slices[0].Endpoints[0].Ready = ready
	c.set.Apply(zone.Changes{Services: []zone.Service{*s}})
	return c.set.Snapshots()[0]
}

// queries are a mix: addresses, SRV records, names and types that there are not.
func (c *cluster) queries(n int) []*dns.Msg { return synthetic.Queries(c.services, clusterset, n, 1) }

func writeCluster(t testing.TB, c *cluster, dir string) {
	t.Helper()
	put(t, dir, fileOf(clusterset), string(c.text))
}

// putChunked writes a zone in the chunked layout: its root and the chunks that are
// not there.
func putChunked(t testing.TB, dir string, s *zone.Snapshot, serial uint32) {
	t.Helper()
	root, chunks := s.Chunked()
	for _, chunk := range chunks {
		if _, err := os.Stat(filepath.Join(dir, chunk.Name)); err != nil {
			put(t, dir, chunk.Name, string(bytes.Join(chunk.Buffers(), nil)))
		}
	}
	put(t, dir, fileOf(clusterset), string(root.Append(nil, serial)))
}
