package explain

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// address explains the name of an address.
func (x *Explainer) address(addr netip.Addr) *Answer {
	a := &Answer{Question: reverseName(addr), Why: []string{}, Closest: []string{}, Records: []Record{}}
	claimants := x.claimants(map[netip.Addr]bool{addr: true})
	v := x.view(claimants, "")
	r := x.reverseOf(v, addr, claimants)
	a.Reverse = []Reverse{r}
	if a.Zone = originOf(a.Question, x.reverse); a.Zone == "" {
		a.Verdict = Outside
		a.because("no reverse zone holds it: --reverse-cidr and --no-reverse choose them")
		if len(r.Claims) == 0 {
			a.because("no service has this address")
		}
		return a
	}
	a.Verdict = v.verdict(a.Question)
	a.Records = append(a.Records, v.records[a.Question]...)
	a.because("%s", whyPTR(r))
	if len(claimants) == 1 && len(r.Claims) > 0 {
		// What belongs to one service is told with it.
		w := &way{Explainer: x, Answer: a, service: claimants[0], view: v}
		origin := a.Zone
		a.Zone = x.forward[0]
		w.describe()
		a.Zone = origin
		w.endpoints(func(_ *Slice, e *Endpoint) {
			got, ok := zone.ParseAddress(e.Address)
			e.Asked = ok && got == addr
		})
	}
	return a
}

// whyPTR says why the name of an address is that of the claim that wins.
func whyPTR(r Reverse) string {
	var vips, ready []Claim
	var winner Claim
	for _, c := range r.Claims {
		switch {
		case c.Kind == kindVIP:
			vips = append(vips, c)
		case c.Ready:
			ready = append(ready, c)
		}
		if c.Wins {
			winner = c
		}
	}
	switch {
	case len(r.Claims) == 0:
		return "no service has this address"
	case r.PTR == "" && len(vips)+len(ready) == 0:
		return "only endpoints that are not ready have this address"
	case r.PTR == "":
		return "nobody who has this address has a name for it that is published"
	case len(vips)+len(ready) == 1 && winner.Kind == kindVIP:
		return fmt.Sprintf("it is in spec.ips of the ServiceImport %s, and nobody else has it", winner.Service)
	case len(vips)+len(ready) == 1:
		return fmt.Sprintf("it is of a ready endpoint of %s, and nobody else has it", winner.Service)
	case len(vips) == 1:
		return fmt.Sprintf("it is in spec.ips of the ServiceImport %s, which goes before endpoints", winner.Service)
	case len(vips) > 1:
		return fmt.Sprintf("%d ServiceImports have it in spec.ips: of their names the one that sorts first counts", len(vips))
	}
	return fmt.Sprintf("%d ready endpoints have it: of their names the one that sorts first counts", len(ready))
}

const (
	kindVIP      = string(zone.ClusterSetIP)
	kindEndpoint = "endpoint"
)

// reverseOf returns the name of an address and who claims it.
func (x *Explainer) reverseOf(v *view, addr netip.Addr, claimants []*zone.Service) Reverse {
	r := Reverse{Address: addr.String(), Claims: []Claim{}}
	for _, record := range v.records[reverseName(addr)] {
		if record.Type == "PTR" {
			r.PTR = record.Data
		}
	}
	for _, s := range claimants {
		base := x.serviceName(x.forward[0], s.Key)
		claim := func(name, kind string, ready bool) {
			c := Claim{Name: name, Service: s.String(), Kind: kind, Ready: ready, Wins: ready && name == r.PTR}
			if !slices.Contains(r.Claims, c) {
				r.Claims = append(r.Claims, c)
			}
		}
		eachAddress(s, func(a netip.Addr, name string, ready bool) {
			switch {
			case a != addr:
			case name == "" && s.Type == zone.ClusterSetIP:
				claim(base, kindVIP, true)
			case name != "" && !x.options.NoEndpoints:
				claim(name+"."+base, kindEndpoint, ready)
			}
		})
	}
	slices.SortFunc(r.Claims, func(a, b Claim) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return r
}

// eachAddress calls f for all addresses of a service: those of its own without a name,
// those of endpoints with HOST.CLUSTER.
func eachAddress(s *zone.Service, f func(a netip.Addr, name string, ready bool)) {
	if s.Type == zone.ClusterSetIP {
		for _, text := range s.IPs {
			if a, ok := zone.ParseAddress(text); ok {
				f(a, "", true)
			}
		}
	}
	for i := range s.Slices {
		for _, e := range s.Slices[i].Endpoints {
			for _, text := range e.Addresses {
				if name, ok := zone.EndpointName(e.Hostname, text, s.Slices[i].Cluster); ok {
					a, _ := zone.ParseAddress(text)
					f(a, name, e.Ready)
				}
			}
		}
	}
}

// rivals are a service and those that have one of its addresses, by name.
func (x *Explainer) rivals(s *zone.Service) []*zone.Service {
	all := make(map[netip.Addr]bool)
	eachAddress(s, func(a netip.Addr, _ string, _ bool) { all[a] = true })
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
		eachAddress(s, func(a netip.Addr, _ string, _ bool) { has = has || addrs[a] })
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
		eachAddress(s, func(a netip.Addr, _ string, ready bool) {
			has = has || ready && strings.HasSuffix(reverseName(a), "."+name)
		})
		if has {
			found = append(found, s)
		}
	}
	return found
}

// maxReverse is how many addresses of a service are told with it.
const maxReverse = 50

// reverses fills in the names of the addresses that the question is about.
func (w *way) reverses(labels []string) {
	w.Reverse = []Reverse{}
	if len(w.reverse) == 0 {
		return
	}
	var addrs []netip.Addr
	add := func(text string) {
		if a, ok := zone.ParseAddress(text); ok && !slices.Contains(addrs, a) && len(addrs) < maxReverse {
			addrs = append(addrs, a)
		}
	}
	if len(labels) == 0 && w.service.Type == zone.ClusterSetIP {
		for _, ip := range w.service.IPs {
			add(ip)
		}
	}
	w.endpoints(func(_ *Slice, e *Endpoint) {
		if e.Asked && e.Ready {
			add(e.Address)
		}
	})
	for _, a := range addrs {
		if originOf(reverseName(a), w.reverse) != "" {
			w.Reverse = append(w.Reverse, w.reverseOf(w.view, a, w.rivals))
		}
	}
}

// reverseName is the name of an address in in-addr.arpa or ip6.arpa.
func reverseName(a netip.Addr) string {
	name, _ := dns.ReverseAddr(a.WithZone("").String()) // fails for what is no address
	return name
}
