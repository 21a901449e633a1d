// Package synthetic makes clustersets of a given size, and queries to them: what benchmarks measure with and tests of
// size are fed with. The same seed gives the same, on every machine.
package synthetic

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"net/netip"

	"github.com/clusterset-dns/zonegen/zone"
)

// Size is how large a clusterset is.
type Size struct {
	// Services is a multiple of five: four in five are ClusterSetIP services, one is headless.
	Services int
	// Endpoints of each headless service, an even number: each of two clusters has half of them.
	Endpoints int
}

// The sizes that the figures of this repository speak of.
var (
	Small = Size{Services: 1000, Endpoints: 50}   // 64,000 records
	Large = Size{Services: 20_000, Endpoints: 40} // 1,040,000 records
)

// Records is how many records there are in the forward zone, but for the apex: for a ClusterSetIP service its address
// and two SRV records for each of its two ports; for each endpoint its address at two names and four SRV records.
func (s Size) Records() int { return s.Services/5*4*5 + s.Services/5*s.Endpoints*6 }

// ports are those of all services.
var ports = []zone.Port{{Name: "http", Protocol: "TCP", Number: 80}, {Name: "https", Protocol: "TCP", Number: 443}}

const (
	namespaces = 97
	clusters   = 2
)

// Services returns the services of a clusterset in 97 namespaces: every fifth is headless, with an EndpointSlice in
// each of two clusters. All are valid, and all endpoints are ready. No two addresses are the same; as in clusters,
// those of endpoints and those of ClusterSetIP services are of different networks, of which they take about half.
func Services(size Size, seed uint64) []zone.Service {
	rng := rand.New(rand.NewPCG(seed, 1645))
	ips := newNetwork(rng, netip.AddrFrom4([4]byte{10, 128}), size.Services)
	var pods [clusters]*network
	for c := range pods {
		pods[c] = newNetwork(rng, netip.AddrFrom4([4]byte{10, byte(c) * 64}), (size.Services+4)/5*size.Endpoints/clusters)
	}
	services := make([]zone.Service, size.Services)
	for i, number := range rng.Perm(size.Services) {
		key := zone.Key{Namespace: fmt.Sprintf("team-%d", rng.IntN(namespaces)), Name: fmt.Sprintf("service-%d", number)}
		if i%5 == 0 {
			services[i] = headless(key, size.Endpoints, pods)
			continue
		}
		services[i] = zone.Service{Key: key, Type: zone.ClusterSetIP, IPs: []string{ips.next()}, Ports: ports}
	}
	return services
}

func headless(key zone.Key, endpoints int, pods [clusters]*network) zone.Service {
	s := zone.Service{Key: key, Type: zone.Headless, Ports: ports}
	for c := range pods {
		cluster := fmt.Sprintf("cluster-%d", c)
		slice := zone.EndpointSlice{Name: key.Name + "-" + cluster, Cluster: cluster, Ports: ports}
		for range endpoints / clusters {
			slice.Endpoints = append(slice.Endpoints, zone.Endpoint{Addresses: []string{pods[c].next()}, Ready: true})
		}
		s.Slices = append(s.Slices, slice)
	}
	return s
}

// network gives out the addresses of a network in an order of its own.
type network struct{ base, at, step, mask uint32 }

// newNetwork returns a network that has twice as many addresses as will be asked for, or up to four times.
func newNetwork(rng *rand.Rand, base netip.Addr, addresses int) *network {
	first := base.As4()
	return &network{
		base: binary.BigEndian.Uint32(first[:]),
		mask: 1<<bits.Len(uint(2*addresses)|255) - 1,
		at:   rng.Uint32(),
		step: rng.Uint32() | 1, // an odd step meets all of them
	}
}

func (n *network) next() string {
	n.at += n.step
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n.base|n.at&n.mask)
	return netip.AddrFrom4(b).String()
}
