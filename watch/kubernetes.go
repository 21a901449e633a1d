package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	discoveryclient "k8s.io/client-go/kubernetes/typed/discovery/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	mcs "sigs.k8s.io/mcs-api/pkg/client/clientset/versioned"

	"github.com/clusterset-dns/zonegen/zone"
)

// KubernetesOptions says which API to watch, and how. The zero value watches
// the cluster that the process runs in, or that kubectl would talk to.
type KubernetesOptions struct {
	// Kubeconfig is the path of a kubeconfig; empty for the service account of
	// the pod, or outside of a cluster $KUBECONFIG and ~/.kube/config.
	Kubeconfig string
	// Context is the context of the kubeconfig; empty for its current-context.
	Context string
	// MinInterval is the least time between two returns of Next.
	MinInterval time.Duration
	// UserAgent is how we present ourselves, "zonegen/1.2.3".
	UserAgent string
	// Logger gets what an operator should know. It must not be nil.
	Logger *slog.Logger
}

// Kubernetes is the [Source] that watches a Kubernetes API: ServiceImports in
// version v1beta1 or else v1alpha1, the EndpointSlices that carry the label
// multicluster.kubernetes.io/service-name, and the names of Namespaces.
//
// What happens when the ServiceImport API comes and goes:
//
//   - It is not served yet: the source is not complete, says so, and asks again
//     every few seconds.
//   - It is no longer served, or no longer in the version we watch (404): the
//     imports known last stay. Discovery is asked again, and once some version
//     is served the imports are listed anew; what the new list does not hold is
//     gone.
//   - Deleting the CRD is the same: the API server first deletes every
//     ServiceImport and tells the watchers so, one by one, before it stops
//     serving the kind. Those deletions are not believed once discovery says that
//     nothing can be created any more. It may say so a moment after the first of
//     them; to hold back an implausible loss is the business of whoever sees the
//     whole set.
//
// Losing a permission, the API server or the network leaves the last known
// state as well. When it is back, the watch goes on where it was if the server
// allows it; else everything is listed again, and only what differs from what
// was known is a change.
type Kubernetes struct {
	logger *slog.Logger
	host   string
	queue  *queue
	store  *store

	discovery  *discovery.DiscoveryClient
	mcs        *mcs.Clientset
	slices     *discoveryclient.DiscoveryV1Client
	namespaces metadata.Interface
	events     func() *events // made when there is something to tell

	// The three kinds, in the order in which Waiting names them.
	importAccess, sliceAccess, namespaceAccess *access
}

var (
	serviceImports = schema.GroupResource{Group: v1beta1.GroupName, Resource: v1beta1.ServiceImportPluralName}
	endpointSlices = discoveryv1.Resource("endpointslices")
	namespaces     = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
)

// NewKubernetes returns a source that watches a Kubernetes API. It talks to
// nobody yet, but reads the kubeconfig and all that it refers to: its errors
// are those that waiting cannot help, and name the flag to change.
func NewKubernetes(o KubernetesOptions) (*Kubernetes, error) {
	if o.MinInterval < 0 {
		return nil, fmt.Errorf("--min-interval: %s is negative", o.MinInterval)
	}
	config, transport, err := clientConfig(o)
	if err != nil {
		return nil, err
	}
	host, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, withoutPasswords(fmt.Errorf("the server %q of the kubeconfig is no URL: %w", config.Host, err), config.Host)
	}
	queue := newQueue(o.MinInterval)
	k := &Kubernetes{
		logger: o.Logger,
		host:   (&url.URL{Scheme: host.Scheme, Host: host.Host, Path: host.Path}).String(),
		queue:  queue,
		store:  newStore(queue, o.Logger),
	}
	k.importAccess = k.newAccess("ServiceImports", serviceImports)
	k.sliceAccess = k.newAccess("EndpointSlices", endpointSlices)
	k.namespaceAccess = k.newAccess("Namespaces", namespaces.GroupResource())

	core := rest.CopyConfig(config)
	core.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	var errs [5]error
	k.discovery, errs[0] = discovery.NewDiscoveryClientForConfigAndClient(config, transport)
	k.mcs, errs[1] = mcs.NewForConfigAndClient(config, transport)
	k.slices, errs[2] = discoveryclient.NewForConfigAndClient(core, transport)
	k.namespaces, errs[3] = metadata.NewForConfigAndClient(config, transport)
	eventClient, err := coreclient.NewForConfigAndClient(core, transport)
	errs[4] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("cannot make a client for %s: %w", k.host, err)
	}
	k.events = sync.OnceValue(func() *events {
		return newEvents(klog.NewContext(context.Background(), klog.Background()), &eventSink{k: k, client: eventClient})
	})
	return k, nil
}

func (k *Kubernetes) newAccess(kind string, resource schema.GroupResource) *access {
	return &access{kind: kind, resource: resource, host: k.host, logger: k.logger, changed: k.accessChanged}
}

func (k *Kubernetes) accesses() []*access {
	return []*access{k.importAccess, k.sliceAccess, k.namespaceAccess}
}

// accessChanged opens the queue once every kind is complete.
func (k *Kubernetes) accessChanged() {
	if !slices.ContainsFunc(k.accesses(), func(a *access) bool { return !a.complete() }) {
		k.queue.open()
	}
}

// Run implements [Source]. Nothing that happens at run time is final, so it
// returns when ctx is done.
func (k *Kubernetes) Run(ctx context.Context) error {
	k.logger.LogAttrs(ctx, slog.LevelInfo, "watching the Kubernetes API", slog.String("server", k.host))
	var kinds sync.WaitGroup
	kinds.Go(func() { k.watchImports(ctx) })
	kinds.Go(func() { k.watchSlices(ctx) })
	kinds.Go(func() { k.watchNamespaces(ctx) })
	kinds.Wait()
	return nil
}

// Next implements [Source].
func (k *Kubernetes) Next(ctx context.Context) (zone.Changes, error) {
	return k.queue.next(ctx, k.store.changes)
}

// Waiting implements [Source].
func (k *Kubernetes) Waiting() []string {
	if k.queue.isComplete() {
		return nil
	}
	var lines []string
	for _, a := range k.accesses() {
		if line := a.waiting(); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// reach returns what notes the versions of a kind that come with a change.
func (k *Kubernetes) reach(a *access) func(version string) {
	return func(version string) { k.store.reach(a.resource.Resource, version) }
}

// heard returns what notes the versions of a kind that the server tells.
func (k *Kubernetes) heard(a *access) func(version string) {
	return func(version string) {
		a.hasHeard(version)
		k.queue.hear(a.resource.Resource, version)
	}
}

func (k *Kubernetes) watchSlices(ctx context.Context) {
	follow(ctx, k.sliceAccess, &discoveryv1.EndpointSlice{},
		requests(k.slices.EndpointSlices(metav1.NamespaceAll), v1beta1.LabelServiceName, k.sliceAccess),
		&feed[*sliceObject]{
			update:  k.store.update,
			strip:   stripSlice,
			put:     k.store.putSlice,
			drop:    func(o *sliceObject) { k.store.dropSlice(o.id) },
			replace: k.store.replaceSlices,
			reach:   k.reach(k.sliceAccess),
			listed:  k.sliceAccess.wasListed,
			heard:   k.heard(k.sliceAccess),
		})
}

func (k *Kubernetes) watchNamespaces(ctx context.Context) {
	follow(ctx, k.namespaceAccess, &metav1.PartialObjectMetadata{},
		requests(k.namespaces.Resource(namespaces), "", k.namespaceAccess),
		&feed[namespaceObject]{
			update:  k.store.update,
			strip:   stripNamespace,
			put:     k.store.putNamespace,
			drop:    k.store.dropNamespace,
			replace: k.store.replaceNamespaces,
			reach:   k.reach(k.namespaceAccess),
			listed:  k.namespaceAccess.wasListed,
			heard:   k.heard(k.namespaceAccess),
		})
}
