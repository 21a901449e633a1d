package watch

import (
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/clusterset-dns/zonegen/zone"
)

// fromServiceImport returns what DNS needs of a ServiceImport. Text is taken
// over as it is: package zone judges it.
func fromServiceImport(in *v1beta1.ServiceImport) zone.Service {
	return zone.Service{
		Key:   zone.Key{Namespace: in.Namespace, Name: in.Name},
		Type:  zone.Type(in.Spec.Type),
		IPs:   in.Spec.IPs,
		Ports: convert(in.Spec.Ports, fromServicePort),
	}
}

// fromServiceImportV1alpha1 is [fromServiceImport] for the older version, whose
// types have the same fields.
func fromServiceImportV1alpha1(in *v1alpha1.ServiceImport) zone.Service {
	return zone.Service{
		Key:  zone.Key{Namespace: in.Namespace, Name: in.Name},
		Type: zone.Type(in.Spec.Type),
		IPs:  in.Spec.IPs,
		Ports: convert(in.Spec.Ports, func(p v1alpha1.ServicePort) zone.Port {
			return fromServicePort(v1beta1.ServicePort(p))
		}),
	}
}

func fromServicePort(p v1beta1.ServicePort) zone.Port {
	return zone.Port{Name: p.Name, Protocol: string(p.Protocol), Number: p.Port}
}

// fromEndpointSlice returns what DNS needs of an EndpointSlice: the ports and
// endpoints, and the cluster they are in. An absent ready condition means ready
// (discovery.k8s.io/v1), an absent port number "any port".
func fromEndpointSlice(in *discoveryv1.EndpointSlice) zone.EndpointSlice {
	return zone.EndpointSlice{
		Name:    in.Name,
		Cluster: in.Labels[v1beta1.LabelSourceCluster],
		Ports: convert(in.Ports, func(p discoveryv1.EndpointPort) zone.Port {
			out := zone.Port{Number: zone.NoNumber}
			if p.Name != nil {
				out.Name = *p.Name
			}
			if p.Protocol != nil {
				out.Protocol = string(*p.Protocol)
			}
			if p.Port != nil {
				out.Number = *p.Port
			}
			return out
		}),
		Endpoints: convert(in.Endpoints, func(e discoveryv1.Endpoint) zone.Endpoint {
			out := zone.Endpoint{
				Addresses: e.Addresses,
				Ready:     e.Conditions.Ready == nil || *e.Conditions.Ready,
			}
			if e.Hostname != nil {
				out.Hostname = *e.Hostname
			}
			return out
		}),
	}
}

func convert[In, Out any](in []In, f func(In) Out) []Out {
	if len(in) == 0 {
		return nil
	}
	out := make([]Out, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}
