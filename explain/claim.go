package explain

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/clusterset-dns/zonegen/zone"
)

const (
	kindVIP      = string(zone.ClusterSetIP)
	kindEndpoint = "endpoint"
)

// reverseOf returns the name of an address and who claims it. The view is one of all
// claimants.
func (x *Explainer) reverseOf(v *view, addr netip.Addr, claimants []*zone.Service) Reverse {
	r := Reverse{Address: addr.String(), Claims: []Claim{}}
	for _, record := range v.records[reverseName(addr)] {
		if record.Type == "PTR" {
			r.PTR = record.Data
		}
	}
	for _, s := range claimants {
		base := x.serviceName(x.forward[0], s.Key)
		eachAddress(s, func(h holder) {
			if h.addr != addr {
				return
			}
			c := Claim{Service: s.String(), Kind: kindEndpoint, Ready: h.ready}
			switch {
			case h.vip:
				c.Kind, c.Name = kindVIP, base
			case h.name != "" && !x.options.NoEndpoints:
				c.Name = h.name + "." + base
			}
			if c.Ready && !v.exists[c.Name] {
				c.Name = ""
			}
			c.Wins = c.Ready && c.Name != "" && c.Name == r.PTR
			if !slices.Contains(r.Claims, c) {
				r.Claims = append(r.Claims, c)
			}
		})
	}
	slices.SortFunc(r.Claims, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name), strings.Compare(a.Service, b.Service))
	})
	return r
}

// holder is what has an address: a ClusterSetIP service itself, or an endpoint.
type holder struct {
	addr  netip.Addr
	vip   bool
	name  string // HOST.CLUSTER of an endpoint, empty if it can have none
	ready bool
}

// eachAddress calls f for all addresses of a service.
func eachAddress(s *zone.Service, f func(holder)) {
	if s.Type == zone.ClusterSetIP {
		for _, text := range s.IPs {
			if a, ok := zone.ParseAddress(text); ok {
				f(holder{addr: a, vip: true, ready: true})
			}
		}
	}
	for i := range s.Slices {
		for _, e := range s.Slices[i].Endpoints {
			for _, text := range e.Addresses {
				if a, ok := zone.ParseAddress(text); ok {
					name, _ := zone.EndpointName(e.Hostname, text, s.Slices[i].Cluster)
					f(holder{addr: a, name: name, ready: e.Ready})
				}
			}
		}
	}
}

// rivals are a service and those that have one of its addresses, by name.
func (x *Explainer) rivals(s *zone.Service) []*zone.Service {
	all := make(map[netip.Addr]bool)
	eachAddress(s, func(h holder) { all[h.addr] = true })
	found := x.claimants(all)
	if !slices.Contains(found, s) { // it has no address
		found = append(found, s)
	}
	return found
}

// claimants are the services that have one of the addresses, by name.
func (x *Explainer) claimants(addrs map[netip.Addr]bool) []*zone.Service {
	var found []*zone.Service
	for _, s := range x.services {
		has := false
		eachAddress(s, func(h holder) { has = has || addrs[h.addr] })
		if has {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b *zone.Service) int { return strings.Compare(a.String(), b.String()) })
	return found
}

// claimantsBelow are the services that have an address below a reverse name, and the
// address is one that is published.
func (x *Explainer) claimantsBelow(name string) []*zone.Service {
	var found []*zone.Service
	for _, s := range x.services {
		has := false
		eachAddress(s, func(h holder) {
			has = has || h.ready && strings.HasSuffix(reverseName(h.addr), "."+name)
		})
		if has {
			found = append(found, s)
		}
	}
	return found
}
