package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"
)

// population is a synthetic clusterset in an API server: the objects as they were last written.
type population struct {
	api      *apiServer
	services []zone.Service
	imports  []*mcsv1beta1.ServiceImport // in the order of the services
	slices   []*discoveryv1.EndpointSlice
	changes  atomic.Uint32 // made since
}

// creators is how many objects are written at the same time.
const creators = 16

// populate writes a clusterset of this size.
func populate(t testing.TB, api *apiServer, size synthetic.Size, seed uint64) *population {
	t.Helper()
	p := &population{api: api, services: synthetic.Services(size, seed)}
	namespaces := make(map[string]bool)
	var objects []client.Object
	for i := range p.services {
		s := &p.services[i]
		if !namespaces[s.Namespace] {
			namespaces[s.Namespace] = true
			api.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}})
		}
		imported, slices := objectsOf(s)
		p.imports, p.slices = append(p.imports, imported), append(p.slices, slices...)
		objects = append(objects, imported)
		for _, slice := range slices {
			objects = append(objects, slice)
		}
	}
	if err := createAll(t.Context(), api, objects); err != nil {
		t.Fatal(err)
	}
	return p
}

// createAll stores new objects, many at the same time.
func createAll(ctx context.Context, api *apiServer, objects []client.Object) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(creators)
	for _, object := range objects {
		group.Go(func() error {
			if err := api.Create(ctx, object); err != nil {
				return fmt.Errorf("creating %T %s: %w", object, client.ObjectKeyFromObject(object), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// objectsOf are the objects that tell of a service.
func objectsOf(s *zone.Service) (*mcsv1beta1.ServiceImport, []*discoveryv1.EndpointSlice) {
	var ports []mcsv1beta1.ServicePort
	for _, p := range s.Ports {
		ports = append(ports, importPort(p.Name, corev1.Protocol(p.Protocol), p.Number))
	}
	if s.Type == zone.ClusterSetIP {
		return clusterSetIPImport(s.Namespace, s.Name, s.IPs, ports...), nil
	}
	imported := headlessImport(s.Namespace, s.Name, ports...)
	var slices []*discoveryv1.EndpointSlice
	for _, from := range s.Slices {
		var endpoints []discoveryv1.Endpoint
		for _, e := range from.Endpoints {
			endpoints = append(endpoints, endpoint(e.Hostname, e.Addresses[0], e.Ready))
		}
		slice := endpointSlice(imported, from.Cluster, endpoints...)
		slice.Name, slice.GenerateName = from.Name, ""
		slices = append(slices, slice)
	}
	return imported, slices
}
