package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"
)

// The rate of changes: that of a clusterset whose 6,000 endpoints move, become ready or unready, come and go once in five
// minutes each, which is 20 a second, and in which a rollout of 100 more begins every ten seconds, at the pace of the
// API server. Deployments that are rolled out daily would be a thousandth of it.
const (
	changesPerSecond = 20
	rolloutEvery     = 10 * time.Second
	rolloutSlices    = 10
	rolloutEach      = 10 // endpoints of each slice
)

// loadSize is a clusterset whose zone file has 1.5 MB: zone files of 1 MiB and more are made of their predecessors on tmpfs.
var loadSize = synthetic.Size{Services: 600, Endpoints: 50}

// The least and the most endpoints in a slice. In the middle is what a slice of loadSize has, so that a clusterset whose
// slices are scaled at random stays as large as it was.
const fewest, most = 5, 45

// churn is a clusterset that changes at random and stays as large as it is: part of it are the services of a population
// whose versions are noted in a chronicle, another a random state of strange services.
type churn struct {
	t testing.TB
	*population
	rng       *rand.Rand
	chronicle *chronicle
	headless  []*churned
	addressed []*churned // ClusterSetIP services
	strange   *clusterState
	born      int
	counts    map[string]int // of changes, by kind
}

// churned is a service that changes: its objects as they were last written.
type churned struct {
	imported  *mcsv1beta1.ServiceImport
	slices    []*discoveryv1.EndpointSlice
	past      *past
	namespace bool // it has one of its own
}

func newChurn(t testing.TB, api *apiServer, seed uint64) *churn {
	t.Helper()
	c := &churn{
		t: t, population: populate(t, api, loadSize, seed), rng: rand.New(rand.NewPCG(seed, 1645)),
		chronicle: newChronicle(), strange: newClusterState(t, api, seed), counts: make(map[string]int),
	}
	next := 0 // of the slices, which are in the order of the services
	for i := range c.services {
		of := c.services[i].Slices
		c.adopt(&c.services[i], c.imports[i], c.population.slices[next:next+len(of)])
		next += len(of)
	}
	c.chronicle.begin()
	return c
}

// adopt begins the past of a service whose objects have been written, or are about to be.
func (c *churn) adopt(s *zone.Service, imported *mcsv1beta1.ServiceImport, slices []*discoveryv1.EndpointSlice) *churned {
	one := &churned{imported: imported, slices: slices}
	name := s.Name + "." + s.Namespace + "." + svc
	one.past = c.chronicle.born(name, max(1, len(slices)), asksOf(s))
	if s.Type != zone.Headless {
		c.addressed = append(c.addressed, one)
		c.chronicle.becomes(one.past.objects[0], imported.Spec.IPs)
		return one
	}
	c.headless = append(c.headless, one)
	for i, slice := range slices {
		c.chronicle.becomes(one.past.objects[i], readyAddresses(slice))
	}
	return one
}

func readyAddresses(slice *discoveryv1.EndpointSlice) []string {
	var ready []string
	for _, e := range slice.Endpoints {
		if *e.Conditions.Ready {
			ready = append(ready, e.Addresses...)
		}
	}
	return ready
}

// run makes changes until the time is over, or until ctx is done, which is an error.
func (c *churn) run(ctx context.Context, during time.Duration) {
	c.t.Helper()
	tick, rollout, end := time.Tick(time.Second/changesPerSecond), time.Tick(rolloutEvery), time.After(during)
	told := time.Tick(time.Minute)
	for {
		select {
		case <-ctx.Done():
			c.t.Fatalf("the load ends early: %v", context.Cause(ctx))
		case <-end:
			return
		case <-told:
			c.t.Logf("changes: %v", c.counts)
		case <-rollout:
			c.rollout()
		case <-tick:
			c.once()
		}
	}
}

// once makes one random change.
func (c *churn) once() {
	c.t.Helper()
	one := c.headless[c.rng.IntN(len(c.headless))]
	i := c.rng.IntN(len(one.slices))
	slice := one.slices[i]
	e := &slice.Endpoints[c.rng.IntN(len(slice.Endpoints))]
	kind := "endpoint moved"
	switch n := c.rng.IntN(100); {
	case n < 50:
		e.Addresses = []string{c.freshAddress()}
	case n < 65:
		kind = "endpoint ready or not"
		ready := !*e.Conditions.Ready
		e.Conditions.Ready = &ready
	case n < 75:
		kind = "scaled"
		c.scale(slice, fewest+c.rng.IntN(most-fewest+1))
	case n < 80:
		kind = "ports changed"
		c.ports(slice)
	case n < 86:
		c.counts["ClusterSetIP moved"]++
		c.readdress()
		return
	case n < 90:
		c.counts["service deleted and another created"]++
		c.replace()
		return
	default:
		c.counts["strange service or namespace"]++
		c.strange.mutate()
		return
	}
	c.counts[kind]++
	if err := c.update(c.t.Context(), one, i); err != nil {
		c.t.Fatal(err)
	}
}

// update writes a slice that was changed.
func (c *churn) update(ctx context.Context, of *churned, i int) error {
	slice := of.slices[i]
	c.chronicle.becomes(of.past.objects[i], readyAddresses(slice))
	if err := c.api.Update(ctx, slice); err != nil {
		return fmt.Errorf("changing the EndpointSlice %s/%s: %w", slice.Namespace, slice.Name, err)
	}
	return nil
}

func (c *churn) scale(slice *discoveryv1.EndpointSlice, to int) {
	c.rng.Shuffle(len(slice.Endpoints), func(i, j int) {
		slice.Endpoints[i], slice.Endpoints[j] = slice.Endpoints[j], slice.Endpoints[i]
	})
	slice.Endpoints = slice.Endpoints[:min(to, len(slice.Endpoints))]
	for len(slice.Endpoints) < to {
		slice.Endpoints = append(slice.Endpoints, readyEndpoint("", c.freshAddress()))
	}
}

// ports gives the first port, http, another number. The second comes and goes.
func (c *churn) ports(slice *discoveryv1.EndpointSlice) {
	number, name, protocol := int32(1024+c.rng.IntN(60000)), "https", corev1.ProtocolTCP
	slice.Ports = slice.Ports[:1]
	slice.Ports[0].Port = &number
	if c.rng.IntN(2) == 0 {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &name, Protocol: &protocol, Port: &number})
	}
}

// readdress gives a ClusterSetIP service another address and another port.
func (c *churn) readdress() {
	c.t.Helper()
	one := c.addressed[c.rng.IntN(len(c.addressed))]
	one.imported.Spec.IPs = []string{c.freshAddress()}
	one.imported.Spec.Ports[0].Port = int32(1024 + c.rng.IntN(60000))
	c.chronicle.becomes(one.past.objects[0], one.imported.Spec.IPs)
	if err := c.api.Update(c.t.Context(), one.imported); err != nil {
		c.t.Fatalf("changing the ServiceImport %s/%s: %v", one.imported.Namespace, one.imported.Name, err)
	}
}

// replace deletes a service and creates one of the same type that has never been there, one in four in a namespace of
// its own.
func (c *churn) replace() {
	c.t.Helper()
	from := &c.addressed
	if c.rng.IntN(loadSize.Services) < len(c.headless) {
		from = &c.headless
	}
	i := c.rng.IntN(len(*from))
	old := (*from)[i]
	*from = append((*from)[:i], (*from)[i+1:]...)
	c.chronicle.dies(old.past)
	c.api.remove(c.t, old.imported)
	for _, slice := range old.slices {
		c.api.remove(c.t, slice)
	}
	if old.namespace {
		c.api.deleteNamespace(c.t, old.imported.Namespace)
	}
	c.create(old)
}

// create makes a new service like another one.
func (c *churn) create(like *churned) {
	c.t.Helper()
	c.born++
	s := zone.Service{
		Key:   zone.Key{Namespace: like.imported.Namespace, Name: fmt.Sprintf("new-%d", c.born)},
		Ports: []zone.Port{{Name: "http", Protocol: "TCP", Number: 80}, {Name: "https", Protocol: "TCP", Number: 443}},
	}
	own := c.rng.IntN(4) == 0
	if own || like.namespace { // which is gone
		own = true
		s.Namespace = fmt.Sprintf("team-new-%d", c.born)
		c.api.create(c.t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace}})
	}
	if len(like.slices) == 0 {
		s.Type, s.IPs = zone.ClusterSetIP, []string{c.freshAddress()}
	}
	for _, of := range like.slices {
		s.Type = zone.Headless
		slice := zone.EndpointSlice{Name: s.Name + "-" + of.Labels[mcsv1beta1.LabelSourceCluster], Cluster: of.Labels[mcsv1beta1.LabelSourceCluster], Ports: s.Ports}
		for range loadSize.Endpoints / len(like.slices) {
			slice.Endpoints = append(slice.Endpoints, zone.Endpoint{Addresses: []string{c.freshAddress()}, Ready: true})
		}
		s.Slices = append(s.Slices, slice)
	}
	imported, slices := objectsOf(&s)
	one := c.adopt(&s, imported, slices)
	one.namespace = own
	c.api.create(c.t, imported)
	for _, slice := range slices {
		c.api.create(c.t, slice)
	}
}

// rollout moves many endpoints as fast as the API server takes it.
func (c *churn) rollout() {
	c.t.Helper()
	group, ctx := errgroup.WithContext(c.t.Context())
	group.SetLimit(creators)
	for _, n := range c.rng.Perm(len(c.headless))[:rolloutSlices] {
		one := c.headless[n]
		group.Go(func() error {
			endpoints := one.slices[0].Endpoints
			for i := range rolloutEach {
				endpoints[i%len(endpoints)].Addresses = []string{c.freshAddress()}
				if err := c.update(ctx, one, 0); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		c.t.Fatal(err)
	}
	c.counts["endpoint moved in a rollout"] += rolloutSlices * rolloutEach
}

// state is all that there is now.
func (c *churn) state() *clusterState {
	for _, all := range [][]*churned{c.headless, c.addressed} {
		for _, one := range all {
			c.strange.imports[types.NamespacedName{Namespace: one.imported.Namespace, Name: one.imported.Name}] = one.imported
			for _, slice := range one.slices {
				c.strange.slices[types.NamespacedName{Namespace: slice.Namespace, Name: slice.Name}] = slice
			}
		}
	}
	return c.strange
}

// all is how many changes there were; none of a kind is an error.
func (c *churn) all() (sum int, err error) {
	for _, kind := range []string{
		"endpoint moved", "endpoint ready or not", "scaled", "ports changed", "ClusterSetIP moved",
		"service deleted and another created", "strange service or namespace", "endpoint moved in a rollout",
	} {
		if c.counts[kind] == 0 {
			err = errors.Join(err, fmt.Errorf("no change of the kind %q", kind))
		}
		sum += c.counts[kind]
	}
	return sum, err
}
