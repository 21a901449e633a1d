package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/clusterset-dns/zonegen/zone"
)

func portsOf(ports []zone.Port) []Port {
	out := []Port{}
	for _, p := range ports {
		number := p.Number
		if number == zone.NoNumber {
			number = 0
		}
		protocol := p.Protocol
		if protocol == "" {
			protocol = "TCP"
		}
		out = append(out, Port{p.Name, protocol, number})
	}
	return out
}

// atPort explains _PORT._PROTO.S.N.svc.Z.
func (w *way) atPort(port, protocol string) {
	if w.Verdict == Answers {
		if w.service.Type == zone.ClusterSetIP {
			w.because("spec.ports of the ServiceImport has a port of that name")
		} else {
			w.because("the EndpointSlices have a port of that name, and each ready endpoint one record")
		}
		return
	}
	if w.Verdict == NoData {
		return
	}
	if exists := w.serviceName(w.Zone, w.service.Key); len(w.view.records[exists]) == 0 || w.view.records[exists][0].Type == "TXT" {
		w.because("the service has no addresses, so its ports have no records")
	}
	w.notPublished(port, protocol)
	w.offerPorts(port)
}

// notPublished says of the ports of that name why they have no records, or that there
// are none.
func (w *way) notPublished(port, protocol string) {
	there := false
	for _, p := range w.ports() {
		if p.Name == "" || !strings.EqualFold("_"+p.Name, port) {
			continue
		}
		there = true
		dropped := false
		for _, d := range w.Service.Dropped {
			if d.Field == p.field || strings.HasPrefix(d.Field, p.field+".") {
				dropped = true
				w.onceBecause("%s %q: %s", d.Field, d.Value, d.Message)
			}
		}
		switch {
		case dropped:
		case !strings.EqualFold("_"+p.Protocol, protocol):
			w.onceBecause("the port %s is %s, not %s", p.Name, p.Protocol, strings.ToUpper(strings.TrimPrefix(protocol, "_")))
		case p.Number == 0:
			w.onceBecause("the port %s has no number, so it makes no record", p.Name)
		case p.slice == nil: // the service has no addresses
		case slices.ContainsFunc(p.slice.Endpoints, func(e Endpoint) bool { return e.Ready }):
			w.because("the EndpointSlice %s has the port %s, but none of its ready endpoints has a name that can be published: see what is left out", p.slice.Name, p.Name)
		default:
			w.because("the EndpointSlice %s has the port %s, but none of its endpoints is ready", p.slice.Name, p.Name)
		}
	}
	switch name := strings.TrimPrefix(port, "_"); {
	case there:
	case w.service.Type == zone.ClusterSetIP:
		w.because("spec.ports of the ServiceImport has no port %q", name)
	default:
		w.because("no EndpointSlice of the service has a port %q", name)
	}
}

// servicePort is a port that SRV records may be made of.
type servicePort struct {
	Port
	field string // its path, as in [Dropped]
	slice *Slice // that has it, nil if it is the ServiceImport's
}

func (w *way) ports() []servicePort {
	var all []servicePort
	if w.service.Type == zone.ClusterSetIP {
		for i, p := range w.Service.Ports {
			all = append(all, servicePort{p, fmt.Sprintf("spec.ports[%d]", i), nil})
		}
		return all
	}
	for i := range w.Service.Slices {
		s := &w.Service.Slices[i]
		for j, p := range s.Ports {
			all = append(all, servicePort{p, fmt.Sprintf("endpointslice/%s/ports[%d]", s.Name, j), s})
		}
	}
	return all
}

// offerPorts offers the service's ports, those with that name first.
func (w *way) offerPorts(port string) {
	for _, same := range []bool{true, false} {
		for _, p := range w.ports() {
			name := strings.ToLower("_" + p.Name)
			if (name == port) == same {
				w.offer(name + "._" + strings.ToLower(p.Protocol) + "." + w.serviceName(w.Zone, w.service.Key))
			}
		}
	}
}
