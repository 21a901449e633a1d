package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/clusterset-dns/zonegen/zone"
)

// below explains a service's name, or with labels one below it.
func (x *Explainer) below(a *Answer, key zone.Key, labels []string) {
	s := x.services[key]
	switch {
	case s == nil && !x.namespaces[key.Namespace]:
		x.noNamespace(a, key.Namespace, key.Name)
		return
	case s == nil && len(labels) == 0 && strings.HasPrefix(key.Name, "_"):
		if x.found(a, x.view(x.servicesOf(key.Namespace), key.Namespace), "a placeholder: the namespace exists without services"); a.Verdict == NotThere {
			a.because("no service has such a name")
		}
		return
	case s == nil:
		x.noService(a, key)
		return
	}
	rivals := x.rivals(s)
	w := &way{Explainer: x, Answer: a, service: s, rivals: rivals, view: x.view(rivals, key.Namespace)}
	w.Verdict = w.view.verdict(a.Question)
	w.Records = append(w.Records, w.view.records[a.Question]...)
	w.describe()
	switch {
	case w.leftOut():
	case len(labels) == 0:
		w.atService()
	case len(labels) == 1:
		w.oneBelow(labels[0])
	case len(labels) == 2 && strings.HasPrefix(labels[1], "_"):
		w.atPort(labels[0], labels[1])
	case len(labels) == 2:
		w.atEndpoint(labels[0], labels[1])
	default:
		w.because("no name is that deep: below a service there are _PORT._PROTO and HOST.CLUSTER")
	}
	w.reverses(labels)
}

// servicesOf are the services of a namespace.
func (x *Explainer) servicesOf(namespace string) []*zone.Service {
	var found []*zone.Service
	for k, s := range x.services {
		if k.Namespace == namespace {
			found = append(found, s)
		}
	}
	return found
}

// way is the way from a service to a name.
type way struct {
	*Explainer
	*Answer
	service *zone.Service
	rivals  []*zone.Service
	view    *view // of the rivals
}

// describe fills in the service.
func (w *way) describe() {
	s := w.service
	d := &Service{
		Namespace: s.Namespace, Name: s.Name, Type: string(s.Type), IPs: append([]string{}, s.IPs...), Ports: portsOf(s.Ports),
		Slices: []Slice{}, Dropped: []Dropped{}, Records: w.view.below(w.serviceName(w.Zone, s.Key)),
	}
	for i := range s.Slices {
		slice := &s.Slices[i]
		out := Slice{Name: slice.Name, Cluster: slice.Cluster, Ports: portsOf(slice.Ports), Endpoints: []Endpoint{}}
		for _, e := range slice.Endpoints {
			for _, address := range e.Addresses {
				name, _ := zone.EndpointName(e.Hostname, address, slice.Cluster)
				out.Endpoints = append(out.Endpoints, Endpoint{Address: address, Hostname: e.Hostname, Ready: e.Ready, Name: name})
			}
		}
		d.Slices = append(d.Slices, out)
	}
	slices.SortFunc(d.Slices, func(a, b Slice) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range w.view.problems {
		if p.Key == s.Key {
			d.Dropped = append(d.Dropped, Dropped{string(p.Reason), p.Field, p.Value, p.Message})
		}
	}
	w.Service = d
}

// leftOut reports whether nothing of the service is published, and says why.
func (w *way) leftOut() bool {
	for _, d := range w.Service.Dropped {
		if d.Reason == string(zone.BadName) || d.Reason == string(zone.BadType) {
			w.because("%s %q: %s", d.Field, d.Value, d.Message)
			return true
		}
	}
	if w.service.Type == zone.Headless && w.options.NoEndpoints {
		w.because("the service is headless, and --no-endpoints leaves those out")
		return true
	}
	return false
}

// endpoints calls f for all addresses of endpoints.
func (w *way) endpoints(f func(s *Slice, e *Endpoint)) {
	for i := range w.Service.Slices {
		s := &w.Service.Slices[i]
		for j := range s.Endpoints {
			f(s, &s.Endpoints[j])
		}
	}
}

// atService explains the service's own name.
func (w *way) atService() {
	if w.service.Type == zone.ClusterSetIP {
		switch {
		case w.Verdict == Answers:
			w.because("spec.ips of the ServiceImport are its addresses, spec.ports its SRV records")
		case len(w.service.IPs) == 0:
			w.because("spec.ips of the ServiceImport is empty: its controller has not given it an address yet")
		default:
			w.because("none of spec.ips of the ServiceImport can be used")
		}
		return
	}
	ready, all := map[string]int{}, 0
	w.endpoints(func(s *Slice, e *Endpoint) {
		all++
		e.Asked = true
		if e.Ready {
			ready[s.Cluster]++
		}
	})
	switch {
	case w.Verdict == Answers:
		var clusters []string
		for _, c := range slices.Sorted(maps.Keys(ready)) {
			clusters = append(clusters, fmt.Sprintf("%s %d", c, ready[c]))
		}
		w.because("the service is headless: its addresses are those of its ready endpoints (%s)", strings.Join(clusters, ", "))
	case len(w.Service.Slices) == 0:
		w.because("the service is headless and has no EndpointSlice with the label multicluster.kubernetes.io/service-name: %s", w.service.Name)
	case all == 0:
		w.because("the service is headless, and its EndpointSlices have no endpoints")
	case len(ready) == 0:
		w.because("the service is headless, and none of the addresses of its endpoints is ready (%d)", all)
	default:
		w.because("the service is headless, and none of its ready endpoints can be used")
	}
}

// oneBelow explains CLUSTER.S.N.svc.Z and _PROTO.S.N.svc.Z, which have no records.
func (w *way) oneBelow(label string) {
	switch {
	case w.Verdict == Answers:
		w.because("a placeholder: the service exists without records")
	case w.Verdict == NoData && strings.HasPrefix(label, "_"):
		w.because("it has no records: _PORT.%s below it has", label)
	case w.Verdict == NoData:
		w.because("a cluster has no records of its own: HOST.%s below it has (no address is published there, by the specification)", label)
	case strings.HasPrefix(label, "_"):
		w.because("the service has no named port with that protocol that can be published")
		w.offerPorts("")
	default:
		w.noCluster("", label)
	}
}

// offer adds a name that may have been meant, if there is room.
func (w *way) offer(name string) {
	if len(w.Closest) < maxSimilar && !slices.Contains(w.Closest, name) && w.view.exists[name] {
		w.Closest = append(w.Closest, name)
	}
}
