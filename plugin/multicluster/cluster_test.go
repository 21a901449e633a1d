package multicluster

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/miekg/dns"
)

// clusterOf makes a clusterset: four in five services are ClusterSetIP with 2
// ports, the rest headless with endpoints in 2 clusters and 2 ports.
func clusterOf(services, endpoints int) []zone.Service {
	ports := []zone.Port{{Name: "http", Protocol: "TCP", Number: 80}, {Name: "https", Protocol: "TCP", Number: 443}}
	all := make([]zone.Service, services)
	for i := range all {
		s := zone.Service{Key: zone.Key{Namespace: fmt.Sprintf("team-%d", i%97), Name: fmt.Sprintf("service-%d", i)}, Type: zone.ClusterSetIP}
		s.IPs, s.Ports = []string{fmt.Sprintf("10.%d.%d.%d", 200+i>>16, i>>8&255, i&255)}, ports
		if i%5 == 0 {
			s.Type, s.IPs = zone.Headless, nil
			for c := range 2 {
				slice := zone.EndpointSlice{Cluster: fmt.Sprintf("cluster-%d", c), Ports: ports}
				for e := range endpoints / 2 {
					at := (i/5*2+c)*endpoints/2 + e
					slice.Endpoints = append(slice.Endpoints, zone.Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", at>>16, at>>8&255, at&255)}, Ready: true})
				}
				s.Slices = append(s.Slices, slice)
			}
		}
		all[i] = s
	}
	return all
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
	small = sync.OnceValue(func() *cluster { return newCluster("64k", 1000, 50) })
	large = sync.OnceValue(func() *cluster { return newCluster("1M", 20_000, 40) })
)

func newCluster(name string, services, endpoints int) *cluster {
	c := &cluster{name: name, services: clusterOf(services, endpoints)}
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
func (c *cluster) queries(n int) []*dns.Msg {
	rng := rand.New(rand.NewPCG(1, 2))
	all := make([]*dns.Msg, n)
	for i := range all {
		s := c.services[rng.IntN(len(c.services))]
		name := s.Name + "." + s.Namespace + ".svc." + clusterset
		headless := s.Type == zone.Headless
		switch rng.IntN(8) {
		case 0, 1:
			all[i] = question(name, dns.TypeA)
		case 2:
			all[i] = question(name, dns.TypeAAAA)
		case 3:
			all[i] = question("_http._tcp."+name, dns.TypeSRV)
		case 4:
			all[i] = question("nothing-"+name, dns.TypeA)
		case 5:
			all[i] = question("_nothing._tcp."+name, dns.TypeSRV)
		default:
			if headless {
				e := s.Slices[0].Endpoints[rng.IntN(len(s.Slices[0].Endpoints))].Addresses[0]
				name = dashed(e) + ".cluster-0." + name
			}
			all[i] = question(name, dns.TypeA)
		}
		if i%2 == 0 {
			all[i].SetEdns0(1232, false)
		}
	}
	return all
}

func dashed(address string) string {
	b := []byte(address)
	for i := range b {
		if b[i] == '.' {
			b[i] = '-'
		}
	}
	return string(b)
}

func writeCluster(t testing.TB, c *cluster, dir string) {
	t.Helper()
	put(t, dir, fileOf(clusterset), string(c.text))
}
