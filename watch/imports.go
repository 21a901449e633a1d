package watch

import (
	"context"
	"log/slog"
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
	for ctx.Err() == nil {
		version := k.awaitImportVersion(ctx)
		if ctx.Err() != nil {
			return
		}
		lw, example := k.importRequests(version)
		follow(ctx, k.importAccess, example, lw, feed)
		// Discovery may be behind and still promise what is gone.
		select {
		case <-time.After(backoff.Duration):
		case <-ctx.Done():
		}
	}
}

// awaitImportVersion asks discovery until there is a version to watch, or ctx
// is done.
func (k *Kubernetes) awaitImportVersion(ctx context.Context) (version string) {
	retry(ctx, func(ctx context.Context) bool {
		var err error
		if version, err = k.importVersion(ctx); err != nil {
			if reportable(ctx, err) {
				k.importAccess.failed(verbDiscover, err)
			}
			return false
		}
		k.logger.LogAttrs(ctx, slog.LevelDebug, "ServiceImports are served", slog.String("version", version))
		return true
	})
	return version
}

// importVersion asks discovery for the version to watch. The error is a
// NotFound when there is none.
func (k *Kubernetes) importVersion(ctx context.Context) (string, error) {
	for _, version := range importVersions {
		served, err := k.discovery.ServerResourcesForGroupVersionWithContext(ctx, version)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return "", err
		}
		for _, r := range served.APIResources {
			if r.Name == serviceImports.Resource {
				return version, nil
			}
		}
	}
	return "", apierrors.NewNotFound(serviceImports, "")
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
