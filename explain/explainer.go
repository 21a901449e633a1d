package explain

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/check"
	"github.com/clusterset-dns/zonegen/zone"
)

// Explainer knows the services of a clusterset.
type Explainer struct {
	options    zone.Options
	forward    []string // origins
	reverse    []string
	services   map[zone.Key]*zone.Service
	namespaces map[string]bool
	orphans    map[zone.Key]int // EndpointSlices without a ServiceImport
}

// New returns what explains the zones that the options describe, given the whole
// state of a source, and how many EndpointSlices there are for services without a
// ServiceImport. Its errors are those of [zone.NewSet].
func New(o zone.Options, state zone.Changes, orphans map[zone.Key]int) (*Explainer, error) {
	set, err := zone.NewSet(o)
	if err != nil {
		return nil, err
	}
	x := &Explainer{options: o, orphans: orphans, services: make(map[zone.Key]*zone.Service, len(state.Services)), namespaces: make(map[string]bool)}
	for _, s := range set.Snapshots() {
		if dns.IsSubDomain("arpa.", s.Origin()) {
			x.reverse = append(x.reverse, s.Origin())
		} else {
			x.forward = append(x.forward, s.Origin())
		}
	}
	for _, name := range state.Namespaces {
		x.namespaces[name] = true
	}
	for i := range state.Services {
		s := &state.Services[i]
		x.services[s.Key] = s
		x.namespaces[s.Namespace] = true
	}
	return x, nil
}

// Explain explains NAMESPACE/SERVICE, an IP address, or a name; that of an address in
// a reverse zone is the address. The error is a question that is none of these.
func (x *Explainer) Explain(question string) (*Answer, error) {
	if namespace, name, ok := strings.Cut(question, "/"); ok {
		if namespace == "" || name == "" || strings.Contains(name, "/") {
			return nil, fmt.Errorf("%q is no service: give NAMESPACE/SERVICE", question)
		}
		return x.service(zone.Key{Namespace: namespace, Name: name}), nil
	}
	if a, err := netip.ParseAddr(question); err == nil {
		return x.address(a.Unmap()), nil
	}
	if _, ok := dns.IsDomainName(question); !ok || question == "" {
		return nil, fmt.Errorf("%q is neither a name, an IP address nor NAMESPACE/SERVICE", question)
	}
	name := dns.CanonicalName(question)
	if a, ok := check.ReverseAddress(name); ok {
		return x.address(a), nil
	}
	return x.name(name), nil
}

// view is what the zones say of some services: all of a name's records as long as the
// name is at or below one of them.
type view struct {
	records  map[string][]Record
	exists   map[string]bool // with all names above
	problems []zone.Problem
}

// view renders services, and the namespace if it is there.
func (x *Explainer) view(services []*zone.Service, namespace string) *view {
	set, err := zone.NewSet(x.options)
	if err != nil {
		panic(err) // cannot happen: New has made one
	}
	var c zone.Changes
	if x.namespaces[namespace] {
		c.Namespaces = []string{namespace}
	}
	for _, s := range services {
		c.Services = append(c.Services, *s)
	}
	v := &view{records: make(map[string][]Record), exists: make(map[string]bool), problems: set.Apply(c)}
	for _, s := range set.Snapshots() {
		text := s.Buffers(0)
		z, err := check.Read(&text, check.Source{Origin: s.Origin()})
		if err != nil || z.Unreadable != nil {
			panic(fmt.Sprintf("a zone of our own does not parse: %v, %v", err, z.Unreadable)) // package zone promises that it does
		}
		for _, r := range z.Records {
			v.add(r.RR, s.Origin())
		}
	}
	return v
}

func (v *view) add(rr dns.RR, origin string) {
	h := rr.Header()
	data := strings.TrimPrefix(rr.String(), h.String())
	if soa, ok := rr.(*dns.SOA); ok {
		data = strings.Replace(data, fmt.Sprintf(" %d ", soa.Serial), " SERIAL ", 1)
	}
	v.records[h.Name] = append(v.records[h.Name], Record{h.Name, h.Ttl, dns.Type(h.Rrtype).String(), data})
	for name := h.Name; !v.exists[name]; {
		v.exists[name] = true
		if name == origin {
			break
		}
		_, name, _ = strings.Cut(name, ".")
	}
}

// verdict is what the zones answer for a name in them.
func (v *view) verdict(name string) Verdict {
	switch {
	case len(v.records[name]) > 0:
		return Answers
	case v.exists[name]:
		return NoData
	}
	return NotThere
}

// below returns the records at a name and below it, but for markers.
func (v *view) below(name string) []Record {
	found := []Record{}
	for owner, records := range v.records {
		if owner == name || strings.HasSuffix(owner, "."+name) {
			found = append(found, records...)
		}
	}
	slices.SortStableFunc(found, func(a, b Record) int {
		return cmp.Or(cmp.Compare(dns.CountLabel(a.Name), dns.CountLabel(b.Name)), strings.Compare(a.Name, b.Name))
	})
	return found
}

// originOf returns the zone that a name is in, empty if it is in none.
func originOf(name string, origins []string) string {
	best := ""
	for _, origin := range origins {
		if dns.IsSubDomain(origin, name) && len(origin) > len(best) {
			best = origin
		}
	}
	return best
}
