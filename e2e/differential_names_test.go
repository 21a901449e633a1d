package e2e

import (
	"net/netip"
	"strings"

	"github.com/miekg/dns"
	discoveryv1 "k8s.io/api/discovery/v1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// names are all names that the state could give rise to, and some of their neighbours that must not exist.
func (c *clusterState) names() map[string]bool {
	names := make(map[string]bool)
	add := func(labels ...string) {
		if name := strings.Join(labels, "."); len(name) < 255 {
			names[name] = true
		}
	}
	for _, fixed := range []string{"", "svc.", "pod.", "dns-version.", "dns.", "nope.", "x.svc.", "y.x.svc.", "x.pod.", "web.x.pod.", "_tcp.svc.", "*.svc.", "x.dns-version."} {
		names[fixed+clusterset] = true
	}
	for i := range 3 {
		namespace := c.prefix + string(rune('0'+i))
		add(namespace, svc)
		add("nope", namespace, svc)
		add("_tcp", namespace, svc)
		add(namespace, "pod", clusterset)
	}
	for key, object := range c.imports {
		name := key.Name + "." + key.Namespace + "." + svc
		add(name)
		for _, below := range []string{"nope", "east", "_tcp", "nope.east", "_nope._tcp", "_http._sctp", "a.b.c", "pod-0.nope", "east.pod-0"} {
			add(below, name)
		}
		for _, p := range object.Spec.Ports {
			c.addPort(add, p.Name, string(p.Protocol), name)
		}
	}
	for _, slice := range c.slices {
		name := slice.Labels[mcsv1beta1.LabelServiceName] + "." + slice.Namespace + "." + svc
		cluster := slice.Labels[mcsv1beta1.LabelSourceCluster]
		add(name)
		for _, p := range slice.Ports {
			c.addPort(add, *p.Name, string(*p.Protocol), name)
		}
		for _, e := range slice.Endpoints {
			for _, host := range hosts(e) {
				if cluster == "" {
					add(host, name)
					continue
				}
				add(host, cluster, name)
				add(cluster, name)
				add(host, name)
				add("x", host, cluster, name)
			}
		}
	}
	return names
}

func (c *clusterState) addPort(add func(...string), name, protocol, service string) {
	if name == "" {
		return // no such query: the label would be a lone underscore
	}
	add("_"+name, "_"+protocol, service)
	add("_"+protocol, service)
	add(name, protocol, service)
}

// hosts are the labels that an endpoint is or might be named by.
func hosts(e discoveryv1.Endpoint) []string {
	var labels []string
	if e.Hostname != nil {
		labels = append(labels, *e.Hostname)
	}
	for _, text := range e.Addresses {
		label := strings.NewReplacer(".", "-", ":", "-").Replace(netip.MustParseAddr(text).String())
		labels = append(labels, label, strings.TrimSuffix(label+"0", "00"))
	}
	for i, label := range labels {
		if _, ok := dns.IsDomainName(label); !ok {
			labels[i] = "nope"
		}
	}
	return labels
}
