package e2e

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// question is what was asked, in lower case; labels are those below the zone.
type question struct {
	name   string
	qtype  uint16
	labels []string
}

func newQuestion(name string, qtype uint16) question {
	q := question{name: strings.ToLower(name), qtype: qtype}
	if q.name != clusterset {
		q.labels = dns.SplitDomainName(strings.TrimSuffix(q.name, "."+clusterset))
	}
	return q
}

// below returns the labels below a service's name and the service, if there is one.
func (q question) below() ([]string, types.NamespacedName) {
	n := len(q.labels)
	if n < 3 || q.labels[n-1] != "svc" {
		return nil, types.NamespacedName{}
	}
	return q.labels[:n-3], types.NamespacedName{Name: q.labels[n-3], Namespace: q.labels[n-2]}
}

// port reports whether the name has the form _PORT._PROTO.S.N.svc.Z.
func (q question) port() bool {
	labels, _ := q.below()
	return len(labels) == 2 && strings.HasPrefix(labels[0], "_") && strings.HasPrefix(labels[1], "_")
}

// excuse is one of the on-purpose differences of docs/records.md. Check returns what is wrong with the answers, if
// they are not what is written there.
type excuse struct {
	name    string
	applies func(c *comparison, q question) bool
	check   func(c *comparison, q question, oracle, ours *dns.Msg) string
}

func excuseNames() []string {
	var names []string
	for _, e := range excuses {
		names = append(names, e.name)
	}
	return append(names, nsInAuthority)
}

var excuses = []excuse{
	{
		name: "the name server is the configured one",
		applies: func(_ *comparison, q question) bool {
			return q.name == clusterset && q.qtype == dns.TypeNS || q.name == "ns.dns."+clusterset
		},
		check: func(_ *comparison, q question, _, ours *dns.Msg) string {
			if q.name == clusterset && (len(ours.Answer) != 1 || ours.Answer[0].(*dns.NS).Ns != "ns.dns."+clusterset) {
				return "not one NS"
			}
			if q.qtype == dns.TypeA && (len(ours.Answer) != 1 || ours.Answer[0].(*dns.A).A.String() != "127.0.0.1") {
				return "not the address of the flag"
			}
			return ""
		},
	},
	{
		name: "a name that exists exists for every type",
		applies: func(c *comparison, q question) bool {
			return c.zone.records[q.name] != nil && (q.name == clusterset && q.qtype == dns.TypeTXT || q.name == "dns-version."+clusterset && q.qtype != dns.TypeTXT)
		},
		check: func(_ *comparison, _ question, oracle, ours *dns.Msg) string {
			if oracle.Rcode != dns.RcodeNameError {
				return "the in-memory plugin knows the name"
			}
			return want(ours, dns.RcodeSuccess, false)
		},
	},
	{
		name:    "a marker makes the name above it exist",
		applies: func(_ *comparison, q question) bool { return len(q.labels) > 0 && q.labels[0] == "_zonegen" },
		check: func(_ *comparison, q question, _, ours *dns.Msg) string {
			return want(ours, dns.RcodeSuccess, q.qtype == dns.TypeTXT)
		},
	},
	{
		name: "a portless ClusterSetIP resolves",
		applies: func(c *comparison, q question) bool {
			below, service := q.below()
			object := c.state.imports[service]
			return len(below) == 0 && object != nil && object.Spec.Type == mcsv1beta1.ClusterSetIP && len(object.Spec.Ports) == 0
		},
		check: func(c *comparison, q question, oracle, ours *dns.Msg) string {
			if oracle.Rcode != dns.RcodeNameError {
				return "the in-memory plugin has an answer"
			}
			_, service := q.below()
			has := map[uint16]bool{}
			for _, ip := range c.state.imports[service].Spec.IPs {
				if strings.Contains(ip, ":") {
					has[dns.TypeAAAA] = true
				} else {
					has[dns.TypeA] = true
				}
			}
			return want(ours, dns.RcodeSuccess, has[q.qtype])
		},
	},
	noLabel,
	{
		name: "SRV at an endpoint name",
		applies: func(c *comparison, q question) bool {
			below, _ := q.below()
			return len(below) == 2 && !q.port() && q.qtype == dns.TypeSRV
		},
		check: func(_ *comparison, _ question, oracle, ours *dns.Msg) string {
			if len(oracle.Answer) == 0 {
				return "the in-memory plugin has none"
			}
			return want(ours, dns.RcodeSuccess, false)
		},
	},
	{
		name: "an address at a port's name",
		applies: func(c *comparison, q question) bool {
			return q.port() && (q.qtype == dns.TypeA || q.qtype == dns.TypeAAAA) && len(c.zone.records[q.name][dns.TypeSRV]) > 0
		},
		check: func(_ *comparison, _ question, oracle, ours *dns.Msg) string {
			if len(oracle.Answer) == 0 {
				return "the in-memory plugin has none"
			}
			return want(ours, dns.RcodeSuccess, false)
		},
	},
	{
		name:    "a port's name without any SRV record",
		applies: func(c *comparison, q question) bool { return q.port() && c.zone.records[q.name] == nil },
		check: func(c *comparison, q question, oracle, ours *dns.Msg) string {
			if q.qtype == dns.TypeSRV && len(oracle.Answer) > 0 {
				return "the in-memory plugin has one"
			}
			return want(ours, dns.RcodeNameError, false)
		},
	},
	{
		name: "a name that only has descendants exists",
		applies: func(c *comparison, q question) bool {
			return c.zone.records[q.name] == nil && c.zone.exists[q.name]
		},
		check: func(_ *comparison, _ question, oracle, ours *dns.Msg) string {
			if oracle.Rcode != dns.RcodeNameError {
				return "the in-memory plugin knows the name"
			}
			return want(ours, dns.RcodeSuccess, false)
		},
	},
}

var noLabel = excuse{
	name: "a slice whose cluster is no label has no endpoint names and no SRV",
	applies: func(c *comparison, q question) bool {
		below, service := q.below()
		if !slices.ContainsFunc(c.slicesOf(service), clusterIsNoLabel) {
			return false
		}
		if q.port() || len(below) == 0 && q.qtype == dns.TypeSRV {
			object := c.state.imports[service] // the slices of a ClusterSetIP service make no SRV
			return object != nil && object.Spec.Type == mcsv1beta1.Headless
		}
		return len(below) == 1 || len(below) == 2 && !isLabel(below[1])
	},
	check: func(c *comparison, q question, _, ours *dns.Msg) string {
		var expected []string
		if below, service := q.below(); q.qtype == dns.TypeSRV && (len(below) == 0 || q.port()) {
			expected = c.headlessSRV(service, below)
		}
		if got := srvData(ours); !slices.Equal(got, expected) {
			return fmt.Sprintf("SRV %q, but the slices whose cluster is a label give %q", got, expected)
		}
		rcode := dns.RcodeNameError
		if c.zone.exists[q.name] {
			rcode = dns.RcodeSuccess
		}
		return want(ours, rcode, len(expected) > 0)
	},
}

func clusterIsNoLabel(slice *discoveryv1.EndpointSlice) bool {
	return !isLabel(slice.Labels[mcsv1beta1.LabelSourceCluster])
}

// headlessSRV is the data of the SRV records at a headless service's name, or at the port's name that below are the
// labels of, from the slices whose cluster is a label: what docs/records.md says, written down once more.
func (c *comparison) headlessSRV(service types.NamespacedName, below []string) []string {
	pairs := 0
	targets := make(map[string]bool) // with their ports
	for _, slice := range c.slicesOf(service) {
		if clusterIsNoLabel(slice) {
			continue
		}
		names := endpointNames(slice, service)
		if len(below) == 0 && len(slice.Ports) == 0 {
			pairs += len(names)
		}
		for _, port := range slice.Ports {
			if len(below) > 0 && (*port.Name == "" || !slices.Equal(below, portLabels(port))) {
				continue
			}
			pairs += len(names)
			if port.Port == nil {
				continue
			}
			for _, name := range names {
				targets[fmt.Sprint(*port.Port, " ", name)] = true
			}
		}
	}
	var data []string
	for target := range targets {
		data = append(data, fmt.Sprint("0 ", max(1, 100/pairs), " ", target))
	}
	slices.Sort(data)
	return data
}

func portLabels(port discoveryv1.EndpointPort) []string {
	return []string{"_" + strings.ToLower(*port.Name), "_" + strings.ToLower(string(*port.Protocol))}
}

// endpointNames are the names of the ready endpoints of a slice, one for each address.
func endpointNames(slice *discoveryv1.EndpointSlice, service types.NamespacedName) []string {
	var names []string
	for _, e := range slice.Endpoints {
		if ready := e.Conditions.Ready; ready != nil && !*ready {
			continue
		}
		for _, text := range e.Addresses {
			host := strings.NewReplacer(".", "-", ":", "-").Replace(netip.MustParseAddr(text).String())
			if strings.HasSuffix(host, "-") {
				host += "0"
			}
			if e.Hostname != nil {
				host = *e.Hostname
			}
			labels := []string{host, slice.Labels[mcsv1beta1.LabelSourceCluster], service.Name, service.Namespace, svc}
			names = append(names, strings.ToLower(strings.Join(labels, ".")))
		}
	}
	return names
}

// srvData is the data of the records of an answer, which must be SRV.
func srvData(m *dns.Msg) []string {
	var data []string
	for _, rr := range m.Answer {
		srv, ok := rr.(*dns.SRV)
		if !ok {
			data = append(data, rr.String())
			continue
		}
		data = append(data, strings.ToLower(fmt.Sprint(srv.Priority, " ", srv.Weight, " ", srv.Port, " ", srv.Target)))
	}
	slices.Sort(data)
	return data
}

// silences reports whether the in-memory plugin gives no answer at all: it makes an SRV record with an empty label of
// a slice without a cluster, which cannot be packed.
func (c *comparison) silences(q question) bool {
	below, service := q.below()
	object := c.state.imports[service]
	if (len(below) == 0 || q.port()) && (object == nil || object.Spec.Type != mcsv1beta1.Headless) {
		return false
	}
	return q.qtype == dns.TypeSRV && slices.ContainsFunc(c.slicesOf(service), func(slice *discoveryv1.EndpointSlice) bool {
		return slice.Labels[mcsv1beta1.LabelSourceCluster] == ""
	})
}

// want returns what is wrong with an answer.
func want(m *dns.Msg, rcode int, data bool) string {
	if m.Rcode != rcode || len(m.Answer) > 0 != data {
		return fmt.Sprintf("our answer is not %s with data: %v", dns.RcodeToString[rcode], data)
	}
	return ""
}
