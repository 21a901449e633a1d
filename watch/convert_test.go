package watch

import (
	"reflect"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/clusterset-dns/zonegen/zone"
)

func TestFromServiceImport(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "ns", Name: "web"}
	dying := meta
	dying.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	for name, test := range map[string]struct {
		in   v1beta1.ServiceImport
		want zone.Service
	}{
		"dual stack": {
			in: v1beta1.ServiceImport{ObjectMeta: meta, Spec: v1beta1.ServiceImportSpec{
				Type: v1beta1.ClusterSetIP,
				IPs:  []string{"10.0.0.1", "fd00::1"},
				Ports: []v1beta1.ServicePort{
					{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80, AppProtocol: ptr.To("kubernetes.io/h2c")},
					{Port: 53},
				},
			}},
			want: zone.Service{
				Type:  zone.ClusterSetIP,
				IPs:   []string{"10.0.0.1", "fd00::1"},
				Ports: []zone.Port{{Name: "http", Protocol: "TCP", Number: 80}, {Number: 53}},
			},
		},
		"headless":  {in: v1beta1.ServiceImport{ObjectMeta: meta, Spec: v1beta1.ServiceImportSpec{Type: v1beta1.Headless}}, want: zone.Service{Type: zone.Headless}},
		"no IP yet": {in: v1beta1.ServiceImport{ObjectMeta: meta, Spec: v1beta1.ServiceImportSpec{Type: v1beta1.ClusterSetIP}}, want: zone.Service{Type: zone.ClusterSetIP}},
		"untrusted text is taken over": {
			in:   v1beta1.ServiceImport{ObjectMeta: meta, Spec: v1beta1.ServiceImportSpec{Type: "Odd\n", IPs: []string{"$INCLUDE"}}},
			want: zone.Service{Type: "Odd\n", IPs: []string{"$INCLUDE"}},
		},
		"being deleted is still there": {in: v1beta1.ServiceImport{ObjectMeta: dying, Spec: v1beta1.ServiceImportSpec{Type: v1beta1.Headless}}, want: zone.Service{Type: zone.Headless}},
	} {
		t.Run(name, func(t *testing.T) {
			test.want.Key = zone.Key{Namespace: "ns", Name: "web"}
			if got := fromServiceImport(&test.in); !reflect.DeepEqual(got, test.want) {
				t.Errorf("v1beta1: got %+v, want %+v", got, test.want)
			}
			old := v1alpha1.ServiceImport{ObjectMeta: test.in.ObjectMeta}
			old.Spec.Type, old.Spec.IPs = v1alpha1.ServiceImportType(test.in.Spec.Type), test.in.Spec.IPs
			for _, p := range test.in.Spec.Ports {
				old.Spec.Ports = append(old.Spec.Ports, v1alpha1.ServicePort(p))
			}
			if got := fromServiceImportV1alpha1(&old); !reflect.DeepEqual(got, test.want) {
				t.Errorf("v1alpha1: got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestFromEndpointSlice(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "ns", Name: "web-x", Labels: map[string]string{
		v1beta1.LabelServiceName: "web", v1beta1.LabelSourceCluster: "East",
	}}
	endpoint := func(ready *bool) discoveryv1.EndpointSlice {
		return discoveryv1.EndpointSlice{ObjectMeta: meta, Endpoints: []discoveryv1.Endpoint{{
			Addresses: []string{"10.0.0.1"}, Conditions: discoveryv1.EndpointConditions{Ready: ready},
		}}}
	}
	slice := func(f func(*zone.EndpointSlice)) zone.EndpointSlice {
		s := zone.EndpointSlice{Name: "web-x", Cluster: "East"}
		f(&s)
		return s
	}
	for name, test := range map[string]struct {
		in   discoveryv1.EndpointSlice
		want zone.EndpointSlice
	}{
		"ready": {endpoint(ptr.To(true)), slice(func(s *zone.EndpointSlice) {
			s.Endpoints = []zone.Endpoint{{Addresses: []string{"10.0.0.1"}, Ready: true}}
		})},
		"not ready": {endpoint(ptr.To(false)), slice(func(s *zone.EndpointSlice) {
			s.Endpoints = []zone.Endpoint{{Addresses: []string{"10.0.0.1"}}}
		})},
		"no condition is ready": {endpoint(nil), slice(func(s *zone.EndpointSlice) {
			s.Endpoints = []zone.Endpoint{{Addresses: []string{"10.0.0.1"}, Ready: true}}
		})},
		"hostname, several addresses": {
			discoveryv1.EndpointSlice{ObjectMeta: meta, Endpoints: []discoveryv1.Endpoint{
				{Hostname: ptr.To("db-0"), Addresses: []string{"10.0.0.1", "10.0.0.2"}},
				{Hostname: ptr.To("")},
			}},
			slice(func(s *zone.EndpointSlice) {
				s.Endpoints = []zone.Endpoint{
					{Hostname: "db-0", Addresses: []string{"10.0.0.1", "10.0.0.2"}, Ready: true},
					{Ready: true},
				}
			}),
		},
		"ports": {
			discoveryv1.EndpointSlice{ObjectMeta: meta, Ports: []discoveryv1.EndpointPort{
				{},
				{Name: ptr.To(""), Port: ptr.To[int32](0)},
				{Name: ptr.To("dns"), Protocol: ptr.To(corev1.ProtocolUDP), Port: ptr.To[int32](53)},
			}},
			slice(func(s *zone.EndpointSlice) {
				s.Ports = []zone.Port{{Number: zone.NoNumber}, {}, {Name: "dns", Protocol: "UDP", Number: 53}}
			}),
		},
		"without a cluster": {
			discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "web-x"}},
			zone.EndpointSlice{Name: "web-x"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fromEndpointSlice(&test.in); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}
