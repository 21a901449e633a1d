package multicluster

import (
	"context"
	"strings"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/request"
)

// labels are the parts of a name of a service, as the kubernetes plugin calls
// them. Those that the name does not have are empty.
type labels struct {
	kind, namespace, service string
	portName, protocol       string
	cluster, endpoint        string
}

// Metadata implements the metadata.Provider interface.
func (m *Multicluster) Metadata(ctx context.Context, state request.Request) context.Context {
	name := state.Name()
	zone := m.match(name)
	if zone == nil || isReverse(zone.name) {
		return ctx
	}
	l, ok := parseName(strings.TrimSuffix(name, zone.name))
	if !ok {
		metadata.SetValueFunc(ctx, pluginName+"/parse-error", func() string { return "invalid query name" })
		return ctx
	}
	for _, label := range []struct{ name, value string }{
		{"port-name", l.portName},
		{"protocol", l.protocol},
		{"endpoint", l.endpoint},
		{"cluster", l.cluster},
		{"service", l.service},
		{"namespace", l.namespace},
		{"kind", l.kind},
	} {
		metadata.SetValueFunc(ctx, pluginName+"/"+label.name, func() string { return label.value })
	}
	return ctx
}

// parseName takes apart what stands before the zone's name, with its last dot:
//
//	[_PORT._PROTOCOL.|ENDPOINT.CLUSTER.]SERVICE.NAMESPACE.svc.
//
// What is missing on the left is not an error, as with the kubernetes plugin.
func parseName(before string) (l labels, ok bool) {
	words := strings.Split(strings.TrimSuffix(before, "."), ".")
	take := func() string {
		if len(words) == 0 {
			return ""
		}
		word := words[len(words)-1]
		words = words[:len(words)-1]
		return word
	}
	switch l.kind = take(); l.kind {
	case "", "pod":
		return l, len(words) == 0 || l.kind == "pod"
	case "svc":
	default:
		return l, false
	}
	l.namespace, l.service = take(), take()
	switch {
	case len(words) == 0:
	case strings.HasPrefix(words[len(words)-1], "_"):
		l.protocol = strings.TrimPrefix(take(), "_")
		if len(words) > 0 && !strings.HasPrefix(words[len(words)-1], "_") {
			return l, false
		}
		l.portName = strings.TrimPrefix(take(), "_")
	default:
		l.cluster, l.endpoint = take(), take()
	}
	return l, len(words) == 0
}
