package explain

import (
	"fmt"
	"net/netip"
	"slices"

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
	a.because("%s", x.whyPTR(r))
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
func (x *Explainer) whyPTR(r Reverse) string {
	vips, named, unnamed := 0, 0, 0
	var winner Claim
	for _, c := range r.Claims {
		switch {
		case !c.Ready:
		case c.Name == "":
			unnamed++
		case c.Kind == kindVIP:
			vips++
		default:
			named++
		}
		if c.Wins {
			winner = c
		}
	}
	alone := "and nobody else has it"
	if len(r.Claims) > 1 {
		alone = "and nobody else who has it has a name that is published"
	}
	switch {
	case len(r.Claims) == 0:
		return "no service has this address"
	case vips+named+unnamed == 0:
		return "only endpoints that are not ready have this address"
	case r.PTR == "" && x.options.NoEndpoints && !slices.ContainsFunc(r.Claims, func(c Claim) bool { return c.Kind == kindVIP }):
		return "only endpoints have this address, and --no-endpoints leaves out their names"
	case r.PTR == "":
		return "nobody who has this address has a name for it that is published"
	case vips+named == 1 && winner.Kind == kindVIP:
		return fmt.Sprintf("it is in spec.ips of the ServiceImport %s, %s", winner.Service, alone)
	case vips+named == 1:
		return fmt.Sprintf("it is of a ready endpoint of %s, %s", winner.Service, alone)
	case vips == 1:
		return fmt.Sprintf("it is in spec.ips of the ServiceImport %s, which goes before endpoints", winner.Service)
	case vips > 1:
		return fmt.Sprintf("%d ServiceImports have it in spec.ips: of their names the one that sorts first counts", vips)
	}
	return fmt.Sprintf("ready endpoints have it under %d names: the one that sorts first counts", named)
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
