package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	"sigs.k8s.io/yaml"
)

// clusterState is a random clusterset in an API server: the objects as they were last written.
type clusterState struct {
	t          testing.TB
	api        *apiServer
	rng        *rand.Rand
	prefix     string // of its namespaces
	namespaces map[string]bool
	imports    map[types.NamespacedName]*mcsv1beta1.ServiceImport
	slices     map[types.NamespacedName]*discoveryv1.EndpointSlice
	counter    int
}

func newClusterState(t testing.TB, api *apiServer, seed uint64) *clusterState {
	return &clusterState{
		t: t, api: api, rng: rand.New(rand.NewPCG(seed, 1645)), prefix: fmt.Sprintf("n%d-", seed),
		namespaces: make(map[string]bool),
		imports:    make(map[types.NamespacedName]*mcsv1beta1.ServiceImport),
		slices:     make(map[types.NamespacedName]*discoveryv1.EndpointSlice),
	}
}

// mutate makes one random change.
func (c *clusterState) mutate() {
	c.t.Helper()
	namespace := fmt.Sprintf("%s%d", c.prefix, c.rng.IntN(3))
	if !c.namespaces[namespace] {
		c.api.create(c.t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		c.namespaces[namespace] = true
		return
	}
	service := types.NamespacedName{Namespace: namespace, Name: c.pick("web", "db", "cart", "api-v2", "9lives")}
	switch n := c.rng.IntN(40); {
	case n == 0:
		c.dropNamespace(namespace)
	case n < 4:
		if old := c.imports[service]; old != nil {
			c.api.remove(c.t, old)
			delete(c.imports, service)
		}
	case n < 17:
		c.putImport(service)
	case n < 22:
		if all := slices.SortedFunc(maps.Values(c.slices), byName); len(all) > 0 {
			c.remove(all[c.rng.IntN(len(all))])
		}
	default:
		c.putSlice(service)
	}
}

// drop deletes all there is.
func (c *clusterState) drop() {
	c.t.Helper()
	for namespace := range c.namespaces {
		c.dropNamespace(namespace)
	}
}

func (c *clusterState) dropNamespace(namespace string) {
	c.t.Helper()
	c.api.deleteNamespace(c.t, namespace)
	delete(c.namespaces, namespace)
	for key := range c.imports {
		if key.Namespace == namespace {
			delete(c.imports, key)
		}
	}
	for key := range c.slices {
		if key.Namespace == namespace {
			delete(c.slices, key)
		}
	}
}

func (c *clusterState) putImport(key types.NamespacedName) {
	c.t.Helper()
	object := headlessImport(key.Namespace, key.Name, c.importPorts()...)
	if c.rng.IntN(5) < 3 {
		object = clusterSetIPImport(key.Namespace, key.Name, c.ips(key), c.importPorts()...)
	}
	if old := c.imports[key]; old != nil {
		object.ObjectMeta = old.ObjectMeta
		c.update(object)
	} else {
		c.api.create(c.t, object)
	}
	c.imports[key] = object
}

func (c *clusterState) update(object client.Object) {
	c.t.Helper()
	if err := c.api.Update(c.t.Context(), object); err != nil {
		c.t.Fatalf("updating %T %s: %v", object, client.ObjectKeyFromObject(object), err)
	}
}

// ips are addresses of a service; some clusters give it one that is also an endpoint's.
func (c *clusterState) ips(service types.NamespacedName) []string {
	for _, slice := range c.slicesOf(service) {
		if len(slice.Endpoints) > 0 && c.rng.IntN(3) == 0 {
			return slice.Endpoints[0].Addresses[:1]
		}
	}
	v4, v6 := c.address(false), c.address(true)
	return [][]string{{v4}, {v4}, {v6}, {v4, v6}, {v6, v4}, {}, {v4, v4}}[c.rng.IntN(7)]
}

func (c *clusterState) importPorts() []mcsv1beta1.ServicePort {
	var ports []mcsv1beta1.ServicePort
	for range c.rng.IntN(4) {
		protocol := []corev1.Protocol{corev1.ProtocolTCP, corev1.ProtocolTCP, corev1.ProtocolUDP, corev1.ProtocolSCTP}[c.rng.IntN(4)]
		ports = append(ports, importPort(c.pick("http", "https", "DNS", "", "http"), protocol, int32([]int{80, 443, 53, 65535}[c.rng.IntN(4)])))
	}
	return ports
}

// putSlice makes a slice or changes one, which keeps its address type.
func (c *clusterState) putSlice(service types.NamespacedName) {
	c.t.Helper()
	var old *discoveryv1.EndpointSlice
	for _, slice := range c.slicesOf(service) {
		if c.rng.IntN(3) > 0 {
			old = slice
			break
		}
	}
	v6 := c.rng.IntN(3) == 0
	if old != nil {
		v6 = old.AddressType == discoveryv1.AddressTypeIPv6
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: service.Namespace, Labels: map[string]string{mcsv1beta1.LabelServiceName: service.Name}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       c.slicePorts(),
	}
	if v6 {
		slice.AddressType = discoveryv1.AddressTypeIPv6
	}
	if cluster := c.pick("east", "east", "west", "WEST", "2nd", "with.dots", "under_score", ""); cluster != "" && c.rng.IntN(12) > 0 {
		if !isLabel(cluster) && c.rng.IntN(4) > 0 {
			cluster = "east"
		}
		slice.Labels[mcsv1beta1.LabelSourceCluster] = cluster
	} else if c.rng.IntN(4) > 0 {
		slice.Labels[mcsv1beta1.LabelSourceCluster] = "east"
	}
	for range c.rng.IntN(7) {
		slice.Endpoints = append(slice.Endpoints, c.endpoint(v6))
	}
	if old != nil {
		slice.ObjectMeta.Name, slice.ObjectMeta.ResourceVersion = old.Name, old.ResourceVersion
		c.update(slice)
	} else {
		c.counter++
		slice.Name = fmt.Sprintf("%s-%d", service.Name, c.counter)
		c.api.create(c.t, slice)
	}
	c.slices[types.NamespacedName{Namespace: slice.Namespace, Name: slice.Name}] = slice
}

func (c *clusterState) remove(slice *discoveryv1.EndpointSlice) {
	c.t.Helper()
	c.api.remove(c.t, slice)
	delete(c.slices, types.NamespacedName{Namespace: slice.Namespace, Name: slice.Name})
}

func (c *clusterState) slicePorts() []discoveryv1.EndpointPort {
	var ports []discoveryv1.EndpointPort
	taken := make(map[string]bool)
	for range c.rng.IntN(4) {
		name, protocol, number := c.pick("http", "sql", "", "metrics"), corev1.Protocol(c.pick("TCP", "TCP", "UDP")), int32(80+c.rng.IntN(3))
		if taken[name] {
			continue // the API wants them unique
		}
		taken[name] = true
		port := discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &number}
		if c.rng.IntN(8) == 0 {
			port.Port = nil
		}
		ports = append(ports, port)
	}
	return ports
}

func (c *clusterState) endpoint(v6 bool) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: []string{c.address(v6)}}
	if c.rng.IntN(6) == 0 {
		e.Addresses = append(e.Addresses, c.address(v6))
		if e.Addresses[0] == e.Addresses[1] {
			e.Addresses = e.Addresses[:1]
		}
	}
	if host := c.pick("", "", "pod-0", "pod-1", "pod-2"); host != "" {
		e.Hostname = &host
	}
	if n := c.rng.IntN(6); n > 0 {
		ready := n > 1
		e.Conditions.Ready = &ready
	}
	return e
}

func (c *clusterState) address(v6 bool) string {
	if v6 {
		return c.pick("fd00::", "fd00::1", "fd00:0:0:1::", "fd00::abcd:1", "2001:db8::7:0:0:1")
	}
	return fmt.Sprintf("10.1.%d.%d", c.rng.IntN(2), 1+c.rng.IntN(9))
}

func (c *clusterState) pick(from ...string) string { return from[c.rng.IntN(len(from))] }

// byName orders slices, so that a seed always gives the same states.
func byName(a, b *discoveryv1.EndpointSlice) int {
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// slicesOf returns the slices of a service, by name.
func (c *clusterState) slicesOf(service types.NamespacedName) []*discoveryv1.EndpointSlice {
	var of []*discoveryv1.EndpointSlice
	for _, slice := range c.slices {
		if slice.Namespace == service.Namespace && slice.Labels[mcsv1beta1.LabelServiceName] == service.Name {
			of = append(of, slice)
		}
	}
	slices.SortFunc(of, byName)
	return of
}

// yaml is the whole state, fit for kubectl apply.
func (c *clusterState) yaml() string {
	var docs []string
	add := func(kind, version string, object any, meta *metav1.ObjectMeta) {
		meta.ManagedFields, meta.UID, meta.ResourceVersion = nil, "", ""
		text, err := yaml.Marshal(object)
		if err != nil {
			c.t.Fatal(err)
		}
		docs = append(docs, fmt.Sprintf("apiVersion: %s\nkind: %s\n%s", version, kind, text))
	}
	for name := range c.namespaces {
		docs = append(docs, fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n", name))
	}
	for _, object := range c.imports {
		object := object.DeepCopy()
		add("ServiceImport", "multicluster.x-k8s.io/v1beta1", object, &object.ObjectMeta)
	}
	for _, object := range c.slices {
		object := object.DeepCopy()
		add("EndpointSlice", "discovery.k8s.io/v1", object, &object.ObjectMeta)
	}
	slices.Sort(docs)
	return strings.Join(docs, "---\n")
}
