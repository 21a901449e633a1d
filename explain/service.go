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
		w.because("the service is headless, and none of its endpoints is ready: %d addresses are not", all)
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

// clusters are the clusters that have EndpointSlices, in lower case.
func (w *way) clusters() []string {
	found := map[string]bool{}
	for _, s := range w.Service.Slices {
		found[strings.ToLower(s.Cluster)] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// noCluster explains that a cluster does not exist, or nothing is ready in it. The
// name asked for is the cluster's, or that of a host in it.
func (w *way) noCluster(host, cluster string) {
	clusters := w.clusters()
	service := w.serviceName(w.Zone, w.service.Key)
	switch {
	case w.options.NoEndpoints:
		w.because("--no-endpoints leaves out the names of endpoints")
	case slices.Contains(clusters, cluster):
		w.because("no endpoint in the cluster %s is ready, so nothing is below it", cluster)
	case len(clusters) == 0:
		w.because("the service has no EndpointSlices, so there are no names of endpoints")
	default:
		w.because("no EndpointSlice of the service is from a cluster %q: there is %s", cluster, strings.Join(clusters, ", "))
		for _, other := range similar(cluster, slices.Values(clusters)) {
			w.offer(strings.TrimPrefix(host+"."+other+"."+service, "."))
			if len(w.Closest) == 0 {
				w.offer(other + "." + service)
			}
		}
	}
	w.endpoints(func(_ *Slice, e *Endpoint) {
		if host, _, _ := strings.Cut(e.Name, "."); host == cluster && e.Ready {
			w.offer(e.Name + "." + service) // the cluster was forgotten
		}
	})
}

// offer adds a name that may have been meant, if there is room.
func (w *way) offer(name string) {
	if len(w.Closest) < maxSimilar && !slices.Contains(w.Closest, name) && w.view.exists[name] {
		w.Closest = append(w.Closest, name)
	}
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
	for _, p := range w.ports() {
		if !strings.EqualFold("_"+p.Name, port) {
			continue
		}
		if !strings.EqualFold("_"+p.Protocol, protocol) {
			w.because("the port %s is %s, not %s", p.Name, p.Protocol, strings.ToUpper(strings.TrimPrefix(protocol, "_")))
		} else if p.Number == 0 {
			w.because("the port %s has no number, so it makes no record", p.Name)
		}
	}
	for _, d := range w.Service.Dropped {
		if strings.HasPrefix(d.Reason, "port") || d.Reason == string(zone.BadProtocol) {
			w.because("%s %q: %s", d.Field, d.Value, d.Message)
		}
	}
	if len(w.Why) == 0 {
		w.because("the service has no port %q", strings.TrimPrefix(port, "_"))
	}
	w.offerPorts(port)
}

// ports are those that SRV records are made of.
func (w *way) ports() []Port {
	if w.service.Type == zone.ClusterSetIP {
		return w.Service.Ports
	}
	var all []Port
	for _, s := range w.Service.Slices {
		for _, p := range s.Ports {
			if !slices.Contains(all, p) {
				all = append(all, p)
			}
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

// atEndpoint explains HOST.CLUSTER.S.N.svc.Z.
func (w *way) atEndpoint(host, cluster string) {
	service := w.serviceName(w.Zone, w.service.Key)
	if w.service.Type == zone.ClusterSetIP && len(w.Service.Slices) == 0 {
		w.because("the service has an address of its own and no EndpointSlices, so there are no names of endpoints")
		return
	}
	ready, not := 0, 0
	w.endpoints(func(_ *Slice, e *Endpoint) {
		if e.Asked = e.Name == host+"."+cluster; e.Asked && e.Ready {
			ready++
		} else if e.Asked {
			not++
		}
	})
	switch {
	case w.Verdict == Answers:
		w.because("a ready endpoint of an EndpointSlice from the cluster %s has that name", cluster)
		if not > 0 {
			w.because("another of its addresses is not ready")
		}
		return
	case w.options.NoEndpoints:
		w.because("--no-endpoints leaves out the names of endpoints")
		return
	case !slices.Contains(w.clusters(), cluster):
		w.noCluster(host, cluster)
	case ready > 0:
		w.because("the endpoint is ready and left out all the same; see what was dropped")
		return
	case not > 0:
		w.because("the endpoint is not ready (conditions.ready is false)")
		return
	default:
		if w.otherName(host, cluster); len(w.Closest) > 0 {
			return
		}
	}
	var names []string
	w.endpoints(func(_ *Slice, e *Endpoint) {
		other, in, _ := strings.Cut(e.Name, ".")
		if other == host {
			w.offer(e.Name + "." + service) // in another cluster
		} else if in == cluster {
			names = append(names, other)
		}
	})
	for _, other := range similar(host, slices.Values(names)) {
		w.offer(other + "." + cluster + "." + service)
	}
}

// otherName explains that no endpoint of a cluster has a name, and which one the
// endpoint has that may be meant.
func (w *way) otherName(host, cluster string) {
	service := w.serviceName(w.Zone, w.service.Key)
	w.endpoints(func(s *Slice, e *Endpoint) {
		if !strings.EqualFold(s.Cluster, cluster) {
			return
		}
		byAddress, _ := zone.EndpointName("", e.Address, s.Cluster)
		switch {
		case byAddress == host+"."+cluster && e.Name != byAddress:
			w.because("the endpoint with the address %s has a hostname, %s, and is named after that", e.Address, e.Hostname)
		case e.Hostname != "" && strings.EqualFold(e.Hostname, host):
			w.because("the hostname %q is no DNS label, so the endpoint is named after its address", e.Hostname)
		default:
			return
		}
		e.Asked = true
		w.offer(e.Name + "." + service)
	})
	if len(w.Why) == 0 {
		w.because("no endpoint in the cluster %s is called %q", cluster, host)
	}
}
