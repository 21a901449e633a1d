package synthetic

import (
	"math/rand/v2"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// Queries returns a mix of queries to a clusterset in this zone: addresses of services and of endpoints, SRV records,
// and names and types that there are not. Half of them have EDNS with the usual 1232 octets.
func Queries(services []zone.Service, origin string, n int, seed uint64) []*dns.Msg {
	rng := rand.New(rand.NewPCG(seed, 1035))
	queries := make([]*dns.Msg, n)
	for i := range queries {
		name, qtype := question(rng, &services[rng.IntN(len(services))], origin)
		queries[i] = new(dns.Msg).SetQuestion(name, qtype)
		if i%2 == 0 {
			queries[i].SetEdns0(1232, false)
		}
	}
	return queries
}

func question(rng *rand.Rand, s *zone.Service, origin string) (string, uint16) {
	name := s.Name + "." + s.Namespace + ".svc." + origin
	switch rng.IntN(8) {
	case 0, 1:
		return name, dns.TypeA
	case 2:
		return name, dns.TypeAAAA
	case 3:
		return "_http._tcp." + name, dns.TypeSRV
	case 4:
		return "nothing-" + name, dns.TypeA
	case 5:
		return "_nothing._tcp." + name, dns.TypeSRV
	}
	if s.Type != zone.Headless {
		return name, dns.TypeA
	}
	slice := s.Slices[rng.IntN(len(s.Slices))]
	address := slice.Endpoints[rng.IntN(len(slice.Endpoints))].Addresses[0]
	return EndpointName(address, slice.Cluster, s.Key, origin), dns.TypeA
}

// EndpointName is the name of an endpoint that has no hostname, at an IPv4 address.
func EndpointName(address, cluster string, of zone.Key, origin string) string {
	return strings.ReplaceAll(address, ".", "-") + "." + cluster + "." + of.Name + "." + of.Namespace + ".svc." + origin
}
