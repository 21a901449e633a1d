package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterset-dns/zonegen/zone"
)

// numbered is a clusterset that changes all the time, by one write after the other to each kind. The addresses of an object
// are the number of the write that made it what it is, so that a zone tells its state.
//
// ServiceImports of ClusterSetIP services come, change and go, and so do EndpointSlices of headless services, two for each.
type numbered struct {
	api        *apiServer
	kubeconfig string
	rng        *rand.Rand
	ledgers    [kinds]*ledger
	objects    [kinds][]string
	stored     [kinds]map[string]client.Object
	namespaces []string
	// lasting are services that never change.
	lasting []zone.Service
}

// kind is a kind of objects that changes.
type kind int

const (
	imports kind = iota
	endpointSlices
	kinds
)

// How much changes in each of some namespaces.
const (
	clusterSetIPs = 8
	headlesses    = 3
)

var sliceClusters = []string{"east", "west"}

func newNumbered(t testing.TB, seed uint64) *numbered {
	t.Helper()
	c := &numbered{api: privateAPI(t, "v1alpha1", "v1beta1"), rng: rand.New(rand.NewPCG(seed, 9))}
	c.kubeconfig = c.api.kubeconfig(t)
	for k := range kinds {
		c.ledgers[k], c.stored[k] = newLedger(), make(map[string]client.Object)
	}
	for i := range 3 {
		namespace := fmt.Sprintf("crash-%d", i)
		c.api.create(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
		for i := range clusterSetIPs {
			c.objects[imports] = append(c.objects[imports], fmt.Sprintf("%s/web-%d", namespace, i))
		}
		for i := range headlesses {
			name := fmt.Sprintf("db-%d", i)
			c.api.create(t, headlessImport(namespace, name))
			for _, cluster := range sliceClusters {
				c.objects[endpointSlices] = append(c.objects[endpointSlices], strings.Join([]string{namespace, name, cluster}, "/"))
			}
		}
	}
	c.readNamespaces(t)
	return c
}

// readNamespaces reads which namespaces there are, when the API server has made its own.
func (c *numbered) readNamespaces(t testing.TB) {
	t.Helper()
	eventually(t, "the API server's namespaces are there", func() error {
		var list corev1.NamespaceList
		if err := c.api.List(t.Context(), &list); err != nil {
			return err
		}
		c.namespaces = nil
		own := 0
		for _, namespace := range list.Items {
			c.namespaces = append(c.namespaces, namespace.Name)
			if namespace.Name == "default" || strings.HasPrefix(namespace.Name, "kube-") {
				own++
			}
		}
		if own < 4 {
			return fmt.Errorf("there are %q", c.namespaces)
		}
		return nil
	})
}

// addLasting adds headless services of a thousand endpoints that stay as they are.
func (c *numbered) addLasting(t testing.TB, services int) {
	t.Helper()
	var objects []client.Object
	for i := range services {
		s := zone.Service{Key: zone.Key{Namespace: "crash-1", Name: fmt.Sprintf("lasting-%d", i)}, Type: zone.Headless, Ports: []zone.Port{
			{Name: "http", Protocol: "TCP", Number: 80}, {Name: "https", Protocol: "TCP", Number: 443},
		}}
		slice := zone.EndpointSlice{Name: s.Name, Cluster: "east", Ports: s.Ports}
		for j := range 1000 {
			slice.Endpoints = append(slice.Endpoints, zone.Endpoint{Addresses: []string{fmt.Sprintf("12.%d.%d.%d", i, j>>8, j&255)}, Ready: true})
		}
		s.Slices = []zone.EndpointSlice{slice}
		imported, parts := objectsOf(&s)
		objects = append(objects, imported, parts[0])
		c.lasting = append(c.lasting, s)
	}
	if err := createAll(t.Context(), c.api, objects); err != nil {
		t.Fatal(err)
	}
}

// keyOf is the service that an object belongs to.
func keyOf(object string) zone.Key {
	parts := strings.Split(object, "/")
	return zone.Key{Namespace: parts[0], Name: parts[1]}
}

// An import's addresses are 10.0.0.0/8 and fd00::/64 plus the number, and a slice's 11.0.0.0/8 plus four times the number
// and that of the endpoint.
func numberedAddress(first byte, n int) string {
	return netip.AddrFrom4([4]byte{first, byte(n >> 16), byte(n >> 8), byte(n)}).String()
}

// numberedPorts vary, too.
func numberedPorts(n int) []zone.Port {
	return []zone.Port{{Name: []string{"http", "sql"}[n%2], Protocol: "TCP", Number: int32(1000 + n%5000)}}
}

// importOf is the service whose import a write makes.
func importOf(object string, n int) zone.Service {
	return zone.Service{
		Key: keyOf(object), Type: zone.ClusterSetIP, Ports: numberedPorts(n),
		IPs: []string{numberedAddress(10, n), fmt.Sprintf("fd00::%x:%x", n>>16, n&0xffff)},
	}
}

// endpointsOf is how many endpoints the slice has that a write makes.
func endpointsOf(n int) int { return 1 + n%3 }

// sliceOf is the slice that a write makes.
func sliceOf(object string, n int) zone.EndpointSlice {
	parts := strings.Split(object, "/")
	slice := zone.EndpointSlice{Name: parts[1] + "-" + parts[2], Cluster: parts[2], Ports: numberedPorts(n)}
	for i := range endpointsOf(n) {
		slice.Endpoints = append(slice.Endpoints, zone.Endpoint{
			Hostname: fmt.Sprintf("pod-%d", i), Addresses: []string{numberedAddress(11, n<<2+i)}, Ready: true,
		})
	}
	return slice
}

// serviceOf is a headless service with those of its slices that are there, as their writes made them.
func serviceOf(key zone.Key, slices map[string]int) zone.Service {
	s := zone.Service{Key: key, Type: zone.Headless}
	for _, cluster := range sliceClusters {
		object := key.String() + "/" + cluster
		if n := slices[object]; n != 0 {
			s.Slices = append(s.Slices, sliceOf(object, n))
		}
	}
	return s
}

// manifestOf is what a write stores.
func manifestOf(k kind, object string, n int) client.Object {
	if k == imports {
		s := importOf(object, n)
		imported, _ := objectsOf(&s)
		return imported
	}
	slice := sliceOf(object, n)
	_, all := objectsOf(&zone.Service{Key: keyOf(object), Type: zone.Headless, Ports: slice.Ports, Slices: []zone.EndpointSlice{slice}})
	return all[0]
}

// write makes, changes or deletes a random object of a kind.
func (c *numbered) write(ctx context.Context, k kind, rng *rand.Rand) error {
	object := c.objects[k][rng.IntN(len(c.objects[k]))]
	old := c.stored[k][object]
	gone := old != nil && rng.IntN(4) == 0
	n := c.ledgers[k].begin(object, gone)
	if gone {
		delete(c.stored[k], object)
		return c.api.Delete(ctx, old)
	}
	next := manifestOf(k, object, n)
	c.stored[k][object] = next
	if old == nil {
		return c.api.Create(ctx, next)
	}
	next.SetResourceVersion(old.GetResourceVersion())
	return c.api.Update(ctx, next)
}

// writePause is the least time between two writes of one kind.
const writePause = 4 * time.Millisecond

// keepWriting writes until stop is called.
func (c *numbered) keepWriting(t testing.TB) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var writers errgroup.Group
	for k := range kinds {
		rng := rand.New(rand.NewPCG(c.rng.Uint64(), 0))
		writers.Go(func() error {
			next := time.NewTicker(writePause)
			defer next.Stop()
			for {
				select {
				case <-next.C:
				case <-ctx.Done():
					return nil
				}
				// A request that is cut off may be done or not, so it is not.
				if err := c.write(context.WithoutCancel(ctx), k, rng); err != nil {
					return fmt.Errorf("write %d: %w", c.ledgers[k].count(), err)
				}
			}
		})
	}
	return func() {
		t.Helper()
		cancel()
		if err := writers.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// now is the newest state of each kind.
func (c *numbered) now() (states [kinds]int) {
	for k := range kinds {
		states[k] = c.ledgers[k].count()
	}
	return states
}
