package main

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// lookup finds names for the completion of a command line, in the cluster or in
// manifests. Who waits for a completion wants no error and no delay: what is not
// found within lookupPatience is not offered.
type lookup struct {
	ctx    context.Context
	source sourceFlags
}

const (
	lookupPatience = 2 * time.Second
	// lookupMost is the most names that are asked for.
	lookupMost = 500
)

// lookupOf returns the lookup that the flags typed so far describe.
func lookupOf(cmd *cobra.Command) *lookup {
	watch.RouteKlog(slog.New(slog.DiscardHandler))
	l := &lookup{ctx: cmd.Context()}
	// A command has some of them.
	l.source.filenames, _ = cmd.Flags().GetStringArray("filename")
	l.source.recursive, _ = cmd.Flags().GetBool("recursive")
	l.source.kubeconfig, _ = cmd.Flags().GetString("kubeconfig")
	l.source.kubeContext, _ = cmd.Flags().GetString("context")
	return l
}

// contexts are those of the kubeconfig.
func (l *lookup) contexts() []string {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = l.source.kubeconfig
	config, err := rules.Load()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(config.Contexts))
}

// namespaces are all.
func (l *lookup) namespaces() []string {
	if len(l.source.filenames) > 0 {
		return l.manifests().Namespaces
	}
	return l.list("", metav1.ListOptions{}, corev1.SchemeGroupVersion.WithResource("namespaces"))
}

// services are those with a ServiceImport in a namespace.
func (l *lookup) services(namespace string) []string {
	if len(l.source.filenames) > 0 {
		var names []string
		for _, s := range l.manifests().Services {
			if s.Namespace == namespace {
				names = append(names, s.Name)
			}
		}
		return names
	}
	return l.list(namespace, metav1.ListOptions{},
		schema.GroupVersionResource{Group: v1beta1.GroupName, Version: v1beta1.GroupVersion.Version, Resource: v1beta1.ServiceImportPluralName},
		schema.GroupVersionResource{Group: v1alpha1.GroupName, Version: v1alpha1.GroupVersion.Version, Resource: v1alpha1.ServiceImportPluralName})
}

// configMaps are those of a namespace that zonegen has made, without their shards.
func (l *lookup) configMaps(namespace string) []string {
	return l.list(namespace, metav1.ListOptions{LabelSelector: publish.ManagedBySelector}, corev1.SchemeGroupVersion.WithResource("configmaps"))
}

// list returns the names of objects, of the first of the resources that is served.
func (l *lookup) list(namespace string, o metav1.ListOptions, resources ...schema.GroupVersionResource) []string {
	logger := slog.New(slog.DiscardHandler)
	config, err := watch.ClientConfig(l.source.cluster(0, logger))
	if err != nil {
		return nil
	}
	config = rest.CopyConfig(config)
	config.Timeout = lookupPatience
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(l.ctx, lookupPatience)
	defer cancel()
	o.Limit = lookupMost
	for _, resource := range resources {
		objects, err := client.Resource(resource).Namespace(namespace).List(ctx, o)
		if err != nil {
			continue
		}
		var names []string
		for _, object := range objects.Items {
			if root := object.Annotations[publish.PartOfAnnotation]; root == "" || root == object.Name {
				names = append(names, object.Name)
			}
		}
		return names
	}
	return nil
}

// manifests is what the manifests have.
func (l *lookup) manifests() zone.Changes {
	logger := slog.New(slog.DiscardHandler)
	source, err := l.source.source(0, logger)
	if err != nil {
		return zone.Changes{}
	}
	ctx, cancel := context.WithTimeout(l.ctx, lookupPatience)
	defer cancel()
	state, _ := firstState(ctx, source, logger) // without, nothing is offered
	return state
}
