package explain

import (
	"maps"
	"slices"
	"strings"

	"github.com/clusterset-dns/zonegen/zone"
)

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
	case w.otherName(host, cluster):
		return
	default:
		w.because("no endpoint in the cluster %s is called %q", cluster, host)
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

// otherName reports whether an endpoint of a cluster may be meant that has another name
// or none, and explains that.
func (w *way) otherName(host, cluster string) (found bool) {
	service := w.serviceName(w.Zone, w.service.Key)
	w.endpoints(func(s *Slice, e *Endpoint) {
		if !strings.EqualFold(s.Cluster, cluster) {
			return
		}
		byAddress, _ := zone.EndpointName("", e.Address, s.Cluster)
		_, isAddress := zone.ParseAddress(e.Address)
		switch hasHost := e.Hostname != "" && strings.EqualFold(e.Hostname, host); {
		case byAddress == host+"."+cluster && e.Name != byAddress:
			w.onceBecause("the endpoint with the address %s has a hostname, %s, and is named after that", e.Address, e.Hostname)
		case hasHost && e.Name != "":
			w.onceBecause("the hostname %q is no DNS label, so the endpoint is named after its address", e.Hostname)
		case hasHost && !isAddress:
			w.onceBecause("the endpoint with the hostname %s has an address that cannot be published, %q", e.Hostname, e.Address)
		case hasHost:
			w.onceBecause("the cluster %q is no DNS label, so its endpoints have no names of their own", s.Cluster)
		default:
			return
		}
		found, e.Asked = true, true
		w.offer(e.Name + "." + service)
	})
	return found
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
	case slices.Contains(clusters, cluster) && w.anyReady(cluster):
		w.because("no ready endpoint in the cluster %s has a name that can be published: see what is left out", cluster)
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

// anyReady reports whether a cluster has a ready endpoint, named or not.
func (w *way) anyReady(cluster string) bool {
	found := false
	w.endpoints(func(s *Slice, e *Endpoint) { found = found || e.Ready && strings.EqualFold(s.Cluster, cluster) })
	return found
}
