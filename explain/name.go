package explain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// name explains a name that is not that of a whole address.
func (x *Explainer) name(name string) *Answer {
	a := &Answer{Question: name, Why: []string{}, Closest: []string{}, Records: []Record{}, Reverse: []Reverse{}}
	if a.Zone = originOf(name, x.forward); a.Zone == "" {
		if a.Zone = originOf(name, x.reverse); a.Zone == "" {
			x.outside(a)
		} else {
			x.above(a)
		}
		return a
	}
	labels := dns.SplitDomainName(strings.TrimSuffix(name, a.Zone))
	n := len(labels)
	switch {
	case n == 0 || labels[n-1] != "svc":
		x.apex(a, labels)
	case n == 1:
		x.found(a, x.view(nil, ""), "it holds the namespaces")
	case n == 2:
		x.namespace(a, labels[0])
	default:
		x.below(a, zone.Key{Namespace: labels[n-2], Name: labels[n-3]}, labels[:n-3])
	}
	return a
}

// service explains a service: its name in the first zone, and all that came of it.
func (x *Explainer) service(key zone.Key) *Answer {
	a := x.name(key.Name + "." + key.Namespace + ".svc." + x.forward[0])
	if a.Service == nil {
		return a
	}
	for i := range a.Service.Slices {
		for j := range a.Service.Slices[i].Endpoints {
			a.Service.Slices[i].Endpoints[j].Asked = true
		}
	}
	return a
}

// found notes what the zones say of a name, and why it is so unless they say nothing.
func (x *Explainer) found(a *Answer, v *view, why string) {
	a.Verdict = v.verdict(a.Question)
	a.Records = append(a.Records, v.records[a.Question]...)
	if a.Verdict != NotThere && why != "" {
		a.because("%s", why)
	}
}

func (a *Answer) because(format string, args ...any) {
	a.Why = append(a.Why, fmt.Sprintf(format, args...))
}

// onceBecause adds a reason that may have been given before.
func (a *Answer) onceBecause(format string, args ...any) {
	if why := fmt.Sprintf(format, args...); !slices.Contains(a.Why, why) {
		a.Why = append(a.Why, why)
	}
}

// outside explains a name in none of the zones.
func (x *Explainer) outside(a *Answer) {
	a.Verdict = Outside
	a.because("it is in none of the zones %s: --zone and --reverse-cidr choose them", strings.Join(slices.Concat(x.forward, x.reverse), ", "))
	short := strings.TrimSuffix(a.Question, ".")
	if rest, ok := strings.CutSuffix(short, ".svc.cluster.local"); ok {
		a.because("names below cluster.local are those of one cluster, and answered by its own DNS")
		short = rest
	}
	short = strings.TrimSuffix(short, ".svc")
	labels := strings.Split(short, ".")
	if n := len(labels); n >= 2 && x.services[zone.Key{Namespace: labels[n-1], Name: labels[n-2]}] != nil {
		a.Closest = append(a.Closest, short+".svc."+x.forward[0])
	}
}

// above explains a name in a reverse zone that stands for many addresses. One address
// below it is enough for it to exist, so not all services need to be looked at.
func (x *Explainer) above(a *Answer) {
	x.found(a, x.view(nil, ""), "")
	for some := range slices.Chunk(x.claimantsBelow(a.Question), 100) {
		if a.Verdict != NotThere {
			break
		}
		x.found(a, x.view(some, ""), "")
	}
	switch a.Verdict {
	case Answers:
		a.because(ofTheZone)
	case NoData:
		a.because("it is above names of addresses and has no records of its own")
	case NotThere:
		a.because("no address below it belongs to a service")
	}
}

const ofTheZone = "it belongs to the zone itself: its apex, name servers, version or placeholders"

// apex explains a name that is not below svc.
func (x *Explainer) apex(a *Answer, labels []string) {
	v := x.view(nil, "")
	x.found(a, v, ofTheZone)
	if a.Verdict != NotThere {
		return
	}
	n := len(labels)
	last := labels[n-1]
	if last == "pod" {
		a.because("pods have no names in a clusterset; an endpoint is HOST.CLUSTER.SERVICE.NAMESPACE.svc.%s", a.Zone)
		return
	}
	a.because("the label %q is wrong: services are SERVICE.NAMESPACE.svc.%s", last, a.Zone)
	if n >= 2 && x.services[zone.Key{Namespace: last, Name: labels[n-2]}] != nil {
		a.Closest = append(a.Closest, strings.Join(labels, ".")+".svc."+a.Zone)
	}
}

// namespace explains NAMESPACE.svc.Z.
func (x *Explainer) namespace(a *Answer, namespace string) {
	x.found(a, x.view(nil, namespace), "the namespace exists; it has no records, its services have")
	if a.Verdict == NotThere {
		x.noNamespace(a, namespace, "")
	}
}

// noNamespace says that there is no such namespace, and where a service of that name
// is.
func (x *Explainer) noNamespace(a *Answer, namespace, service string) {
	a.Verdict = NotThere
	if x.namespaces[namespace] { // its name is none of a zone
		a.because("the namespace %q is left out: its name is no DNS label", namespace)
		return
	}
	a.because("the namespace %q does not exist", namespace)
	for _, other := range similar(namespace, maps.Keys(x.namespaces)) {
		if service == "" || x.services[zone.Key{Namespace: other, Name: service}] != nil {
			a.Closest = append(a.Closest, x.serviceName(a.Zone, zone.Key{Namespace: other, Name: service}))
		}
	}
	x.elsewhere(a, service)
}

// noService says that there is no such service.
func (x *Explainer) noService(a *Answer, key zone.Key) {
	a.Verdict = NotThere
	a.because("the namespace %s has no ServiceImport %q: the service is not exported, or its import has not been made here", key.Namespace, key.Name)
	if n := x.orphans[key]; n > 0 {
		a.because("there are EndpointSlices for it, %d of them: only the ServiceImport is missing", n)
	}
	var names []string
	for k := range x.services {
		if k.Namespace == key.Namespace {
			names = append(names, k.Name)
		}
	}
	for _, other := range similar(key.Name, slices.Values(names)) {
		a.Closest = append(a.Closest, x.serviceName(a.Zone, zone.Key{Namespace: key.Namespace, Name: other}))
	}
	x.elsewhere(a, key.Name)
}

// elsewhere adds the services of that name in other namespaces.
func (x *Explainer) elsewhere(a *Answer, service string) {
	var found []string
	for k := range x.services {
		if name := x.serviceName(a.Zone, k); k.Name == service && !slices.Contains(a.Closest, name) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	a.Closest = append(a.Closest, found[:min(len(found), maxSimilar)]...)
}

// serviceName is the name of a service, or of a namespace if the key has no name.
func (x *Explainer) serviceName(origin string, k zone.Key) string {
	return strings.TrimPrefix(k.Name+"."+k.Namespace+".svc."+origin, ".")
}
