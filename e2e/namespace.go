package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// newNamespace creates a namespace and returns its name; a name that ends with a hyphen is made unique. It goes, with
// all that is in it, when the test ends.
func (a *apiServer) newNamespace(t testing.TB, name string) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if strings.HasSuffix(name, "-") {
		namespace.ObjectMeta = metav1.ObjectMeta{GenerateName: name}
	}
	a.create(t, namespace)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience) // the test's own is over
		defer cancel()
		if err := a.deleteNamespaceContext(ctx, namespace.Name); client.IgnoreNotFound(err) != nil {
			t.Errorf("deleting the namespace %s: %v", namespace.Name, err)
		}
	})
	return namespace.Name
}

// deleteNamespace deletes a namespace as a cluster does: it is Terminating, its contents go, then it is gone.
func (a *apiServer) deleteNamespace(t testing.TB, name string) {
	t.Helper()
	if err := a.deleteNamespaceContext(t.Context(), name); err != nil {
		t.Fatalf("deleting the namespace %s: %v", name, err)
	}
}

// deleteNamespaceContext does the work of the namespace controller, which is part of kube-controller-manager and does
// not run here.
func (a *apiServer) deleteNamespaceContext(ctx context.Context, name string) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := a.Delete(ctx, namespace); err != nil {
		return err
	}
	if err := a.deleteContents(ctx, name); err != nil {
		return err
	}
	if err := a.Get(ctx, client.ObjectKeyFromObject(namespace), namespace); err != nil {
		return err
	}
	namespace.Spec.Finalizers = nil
	if err := a.SubResource("finalize").Update(ctx, namespace); err != nil {
		return fmt.Errorf("finalize: %w", err)
	}
	return nil
}

// deleteContents deletes everything in a namespace.
func (a *apiServer) deleteContents(ctx context.Context, namespace string) error {
	kinds, err := discovery.NewDiscoveryClientForConfig(a.config)
	if err != nil {
		return err
	}
	lists, err := kinds.ServerPreferredNamespacedResources()
	if err != nil {
		return err
	}
	deletable := discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"deletecollection"}}, lists)
	resources, err := discovery.GroupVersionResources(deletable)
	if err != nil {
		return err
	}
	config := rest.CopyConfig(a.config)
	config.WarningHandler = rest.NoWarnings{} // that a kind is deprecated is no reason to leave it there
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	for resource := range resources {
		err := objects.Resource(resource).Namespace(namespace).
			DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("%s: %w", resource.Resource, err)
		}
	}
	return nil
}
