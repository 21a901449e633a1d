package watch

import (
	"context"
	"log/slog"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// importVersions are the versions of the ServiceImport API, the best first.
var importVersions = []string{v1beta1.GroupVersion.String(), v1alpha1.GroupVersion.String()}

// watchImports watches ServiceImports in whatever version is served, for as
// long as it is, and then in the next one.
func (k *Kubernetes) watchImports(ctx context.Context) {
	feed := &feed[*importObject]{
		update:  k.store.update,
		strip:   stripImport,
		put:     k.store.putImport,
		drop:    func(o *importObject) { k.store.dropImport(o.key) },
		replace: k.store.replaceImports,
		reach:   k.reach(k.importAccess),
		listed:  k.importAccess.wasListed,
		heard:   k.heard(k.importAccess),
	}
	ended := false
	for ctx.Err() == nil {
		version, creatable := k.awaitImportVersion(ctx, ended)
		if ctx.Err() != nil {
			return
		}
		watching, end := context.WithCancel(ctx)
		ending := kindEnding{k: k, version: version, end: end, was: creatable}
		feed.believe = func() bool { return !ending.look(ctx) }
		lw, example := k.importRequests(version)
		follow(watching, k.importAccess, example, lw, feed)
		end()
		ended = ending.ended
		// Discovery may be behind and still promise what is gone.
		select {
		case <-time.After(backoff.Duration):
		case <-ctx.Done():
		}
	}
}

// awaitImportVersion asks discovery until there is a version to watch, or ctx
// is done: one in which ServiceImports can be created, if the last one has ended.
func (k *Kubernetes) awaitImportVersion(ctx context.Context, ended bool) (version string, creatable bool) {
	retry(ctx, func(ctx context.Context) bool {
		var err error
		version, creatable, err = k.importVersion(ctx)
		if err == nil && ended && !creatable {
			err = apierrors.NewNotFound(serviceImports, "")
		}
		if err != nil {
			if reportable(ctx, err) {
				k.importAccess.failed(verbDiscover, err)
			}
			return false
		}
		k.logger.LogAttrs(ctx, slog.LevelDebug, "ServiceImports are served", slog.String("version", version))
		return true
	})
	return version, creatable
}

// importVersion asks discovery for the version to watch, and whether ServiceImports
// can be created. The error is a NotFound when there is none.
func (k *Kubernetes) importVersion(ctx context.Context) (version string, creatable bool, err error) {
	for _, version := range importVersions {
		served, creatable, err := k.serves(ctx, version)
		if served || err != nil {
			return version, creatable, err
		}
	}
	return "", false, apierrors.NewNotFound(serviceImports, "")
}

// serves asks discovery whether ServiceImports are served in a version, and can be
// created.
func (k *Kubernetes) serves(ctx context.Context, version string) (served, creatable bool, err error) {
	kinds, err := k.discovery.ServerResourcesForGroupVersionWithContext(ctx, version)
	if apierrors.IsNotFound(err) {
		return false, false, nil
	}
	if err != nil {
		return false, false, err
	}
	for _, r := range kinds.APIResources {
		if r.Name == serviceImports.Resource {
			return true, slices.Contains(r.Verbs, "create"), nil
		}
	}
	return false, false, nil
}

// importRequests returns the client for a version, and an example of what it brings.
func (k *Kubernetes) importRequests(version string) (cache.ListerWatcher, runtime.Object) {
	if version == v1alpha1.GroupVersion.String() {
		client := k.mcs.MulticlusterV1alpha1().ServiceImports(metav1.NamespaceAll)
		return requests(client, "", k.importAccess), &v1alpha1.ServiceImport{}
	}
	client := k.mcs.MulticlusterV1beta1().ServiceImports(metav1.NamespaceAll)
	return requests(client, "", k.importAccess), &v1beta1.ServiceImport{}
}
