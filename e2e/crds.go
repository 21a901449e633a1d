package e2e

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/mcs-api/config/crd"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
	"sigs.k8s.io/yaml"
)

// serviceCRDs returns the CRDs of ServiceImport and ServiceExport as the Multi-Cluster Services API publishes them,
// but served in these versions only. The last one is the one that is stored.
func serviceCRDs(versions ...string) []*apiextensionsv1.CustomResourceDefinition {
	var crds []*apiextensionsv1.CustomResourceDefinition
	for _, text := range [][]byte{crd.ServiceImportCRD, crd.ServiceExportCRD} {
		crd := new(apiextensionsv1.CustomResourceDefinition)
		if err := yaml.UnmarshalStrict(text, crd); err != nil {
			panic(fmt.Sprintf("the mcs-api module holds a CRD that cannot be read: %v", err))
		}
		for i := range crd.Spec.Versions {
			v := &crd.Spec.Versions[i]
			v.Served = slices.Contains(versions, v.Name)
			v.Storage = v.Name == versions[len(versions)-1]
		}
		crds = append(crds, crd)
	}
	return crds
}

// serve installs the CRDs, or changes them, to be served in these versions, and returns when discovery tells so.
func (a *apiServer) serve(t testing.TB, versions ...string) {
	t.Helper()
	options := envtest.CRDInstallOptions{CRDs: serviceCRDs(versions...), MaxTime: patience}
	if _, err := envtest.InstallCRDs(a.config, options); err != nil {
		t.Fatalf("installing the CRDs: %v", err)
	}
	a.waitUnserved(t, versions...)
}

// unserve removes the CRDs, and all objects with them, and returns when discovery no longer tells of them.
func (a *apiServer) unserve(t testing.TB) {
	t.Helper()
	options := envtest.CRDInstallOptions{CRDs: serviceCRDs("v1beta1")}
	if err := envtest.UninstallCRDs(a.config, options); err != nil {
		t.Fatalf("removing the CRDs: %v", err)
	}
	a.waitUnserved(t)
}

// waitUnserved waits until no version but these is served.
func (a *apiServer) waitUnserved(t testing.TB, but ...string) {
	t.Helper()
	kinds, err := discovery.NewDiscoveryClientForConfig(a.config)
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range serviceCRDs("v1beta1")[0].Spec.Versions {
		if slices.Contains(but, version.Name) {
			continue
		}
		group := mcsv1beta1.GroupName + "/" + version.Name
		eventually(t, group+" is no longer served", func() error {
			_, err := kinds.ServerResourcesForGroupVersion(group)
			if err == nil {
				return errors.New("it is served")
			}
			return client.IgnoreNotFound(err)
		})
	}
}
