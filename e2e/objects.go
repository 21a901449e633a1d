package e2e

import (
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	mcsv1alpha1 "sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// importPort is a port of a ServiceImport.
func importPort(name string, protocol corev1.Protocol, port int32) mcsv1beta1.ServicePort {
	return mcsv1beta1.ServicePort{Name: name, Protocol: protocol, Port: port}
}

// clusterSetIPImport is a ServiceImport with addresses of its own; none means that they have yet to be assigned.
func clusterSetIPImport(namespace, name string, ips []string, ports ...mcsv1beta1.ServicePort) *mcsv1beta1.ServiceImport {
	return serviceImport(namespace, name, mcsv1beta1.ServiceImportSpec{
		Type: mcsv1beta1.ClusterSetIP, IPs: ips, Ports: ports,
	})
}

// headlessImport is a ServiceImport whose addresses are those of its EndpointSlices.
func headlessImport(namespace, name string, ports ...mcsv1beta1.ServicePort) *mcsv1beta1.ServiceImport {
	return serviceImport(namespace, name, mcsv1beta1.ServiceImportSpec{Type: mcsv1beta1.Headless, Ports: ports})
}

func serviceImport(namespace, name string, spec mcsv1beta1.ServiceImportSpec) *mcsv1beta1.ServiceImport {
	if spec.Ports == nil {
		spec.Ports = []mcsv1beta1.ServicePort{} // the API wants the list, be it empty
	}
	return &mcsv1beta1.ServiceImport{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       spec,
	}
}

// asV1alpha1 is the same ServiceImport in the older version of the API, whose spec has the same fields.
func asV1alpha1(beta *mcsv1beta1.ServiceImport) *mcsv1alpha1.ServiceImport {
	alpha := &mcsv1alpha1.ServiceImport{
		ObjectMeta: *beta.ObjectMeta.DeepCopy(),
		Spec: mcsv1alpha1.ServiceImportSpec{
			Type:  mcsv1alpha1.ServiceImportType(beta.Spec.Type),
			IPs:   beta.Spec.IPs,
			Ports: []mcsv1alpha1.ServicePort{},
		},
	}
	for _, port := range beta.Spec.Ports {
		alpha.Spec.Ports = append(alpha.Spec.Ports, mcsv1alpha1.ServicePort(port))
	}
	return alpha
}

// endpointSlice is a slice of a service's endpoints in one cluster, of the address family of its first endpoint, with
// the ports of the import. The API server completes its name.
func endpointSlice(of *mcsv1beta1.ServiceImport, cluster string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:    of.Namespace,
			GenerateName: of.Name + "-" + strings.ToLower(cluster) + "-",
			Labels: map[string]string{
				mcsv1beta1.LabelServiceName:   of.Name,
				mcsv1beta1.LabelSourceCluster: cluster,
			},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   endpoints,
	}
	if len(endpoints) > 0 {
		if addr, err := netip.ParseAddr(endpoints[0].Addresses[0]); err == nil && addr.Is6() {
			slice.AddressType = discoveryv1.AddressTypeIPv6
		}
	}
	for _, port := range of.Spec.Ports {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{
			Name: &port.Name, Protocol: &port.Protocol, Port: &port.Port,
		})
	}
	return slice
}

// readyEndpoint is an endpoint that takes traffic. Its hostname may be empty.
func readyEndpoint(hostname string, address string) discoveryv1.Endpoint {
	return endpoint(hostname, address, true)
}

// unreadyEndpoint is an endpoint that does not take traffic (yet).
func unreadyEndpoint(hostname string, address string) discoveryv1.Endpoint {
	return endpoint(hostname, address, false)
}

func endpoint(hostname, address string, ready bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{
		Addresses:  []string{address},
		Conditions: discoveryv1.EndpointConditions{Ready: &ready},
	}
	if hostname != "" {
		e.Hostname = &hostname
	}
	return e
}
