package e2e

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"
)

// expectation is an address that a name is to have.
type expectation struct {
	name    string
	address string
}

// present is what the newest ClusterSetIP and the newest slice are to answer.
func (p *population) present() []expectation {
	var all []expectation
	for i := len(p.imports) - 1; i >= 0; i-- {
		if object := p.imports[i]; len(object.Spec.IPs) > 0 {
			all = append(all, expectation{object.Name + "." + object.Namespace + "." + svc, object.Spec.IPs[0]})
			break
		}
	}
	return append(all, p.ofSlice(len(p.slices)-1, 0))
}

func (p *population) ofSlice(slice, endpoint int) expectation {
	object := p.slices[slice]
	address := object.Endpoints[endpoint].Addresses[0]
	key := zone.Key{Namespace: object.Namespace, Name: object.Labels[mcsv1beta1.LabelServiceName]}
	return expectation{synthetic.EndpointName(address, object.Labels[mcsv1beta1.LabelSourceCluster], key, clusterset), address}
}

// changeSlice gives an endpoint an address that nobody had before, and returns what is to be answered now.
func (p *population) changeSlice(t testing.TB, slice, endpoint int) expectation {
	t.Helper()
	object := p.slices[slice]
	object.Endpoints[endpoint].Addresses = []string{p.freshAddress()}
	if err := p.api.Update(t.Context(), object); err != nil {
		t.Fatalf("changing the EndpointSlice %s/%s: %v", object.Namespace, object.Name, err)
	}
	return p.ofSlice(slice, endpoint)
}

// change gives a random endpoint or ClusterSetIP service, in turn, another address.
func (p *population) change(t testing.TB, rng *rand.Rand) expectation {
	t.Helper()
	if p.changes.Load()%2 == 0 {
		slice := rng.IntN(len(p.slices))
		return p.changeSlice(t, slice, rng.IntN(len(p.slices[slice].Endpoints)))
	}
	object := p.imports[rng.IntN(len(p.imports))]
	for len(object.Spec.IPs) == 0 {
		object = p.imports[rng.IntN(len(p.imports))]
	}
	object.Spec.IPs = []string{p.freshAddress()}
	if err := p.api.Update(t.Context(), object); err != nil {
		t.Fatalf("changing the ServiceImport %s/%s: %v", object.Namespace, object.Name, err)
	}
	return expectation{object.Name + "." + object.Namespace + "." + svc, object.Spec.IPs[0]}
}

// freshAddress is one of 172.16.0.0/12, which the clusterset does not have.
func (p *population) freshAddress() string {
	n := p.changes.Add(1)
	return netip.AddrFrom4([4]byte{172, byte(16 + n>>16&15), byte(n >> 8), byte(n)}).String()
}

// toggle makes a random endpoint unready, or ready again.
func (p *population) toggle(t testing.TB, rng *rand.Rand) {
	t.Helper()
	object := p.slices[rng.IntN(len(p.slices))]
	conditions := &object.Endpoints[rng.IntN(len(object.Endpoints))].Conditions
	ready := conditions.Ready != nil && !*conditions.Ready
	conditions.Ready = &ready
	if err := p.api.Update(t.Context(), object); err != nil {
		t.Fatalf("changing the EndpointSlice %s/%s: %v", object.Namespace, object.Name, err)
	}
}
