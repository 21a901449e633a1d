package e2e

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1alpha1 "sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

func TestImportsInBothVersions(t *testing.T) {
	api := sharedAPI(t)
	namespace := api.newNamespace(t, "imports-")
	beta := clusterSetIPImport(namespace, "beta", []string{"10.42.0.1", "fd00::1"}, importPort("http", corev1.ProtocolTCP, 80))
	alpha := asV1alpha1(headlessImport(namespace, "alpha", importPort("dns", corev1.ProtocolUDP, 53)))
	api.create(t, beta, alpha)

	asAlpha := new(mcsv1alpha1.ServiceImport)
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(beta), asAlpha); err != nil {
		t.Fatal(err)
	}
	if want := asV1alpha1(beta).Spec; !reflect.DeepEqual(asAlpha.Spec, want) {
		t.Errorf("v1beta1 read as v1alpha1 is %+v, want %+v", asAlpha.Spec, want)
	}
	asBeta := new(mcsv1beta1.ServiceImport)
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(alpha), asBeta); err != nil {
		t.Fatal(err)
	}
	if got := asV1alpha1(asBeta).Spec; !reflect.DeepEqual(got, alpha.Spec) {
		t.Errorf("v1alpha1 read as v1beta1 is %+v, want %+v", got, alpha.Spec)
	}
}

func TestSlicesAndChanges(t *testing.T) {
	api := sharedAPI(t)
	namespace := api.newNamespace(t, "slices-")
	imported := headlessImport(namespace, "db", importPort("sql", corev1.ProtocolTCP, 5432))
	four := endpointSlice(imported, "east", readyEndpoint("db-0", "10.1.0.1"), unreadyEndpoint("", "10.1.0.2"))
	six := endpointSlice(imported, "west", readyEndpoint("db-0", "fd00::1"))
	api.create(t, imported, four, six)

	list := new(discoveryv1.EndpointSliceList)
	of := client.MatchingLabels{mcsv1beta1.LabelServiceName: "db"}
	if err := api.List(t.Context(), list, client.InNamespace(namespace), of); err != nil {
		t.Fatal(err)
	}
	types := map[string]discoveryv1.AddressType{}
	for _, slice := range list.Items {
		types[slice.Labels[mcsv1beta1.LabelSourceCluster]] = slice.AddressType
	}
	want := map[string]discoveryv1.AddressType{"east": "IPv4", "west": "IPv6"}
	if !reflect.DeepEqual(types, want) {
		t.Errorf("address types are %v, want %v", types, want)
	}

	stale := four.DeepCopy()
	api.modify(t, four, func() { four.Endpoints = four.Endpoints[:1] })
	api.modify(t, stale, func() { stale.Endpoints[0].Hostname = nil }) // reads before it writes
	if len(stale.Endpoints) != 1 || stale.ResourceVersion == four.ResourceVersion {
		t.Errorf("the second change did not build on the first: %+v", stale.Endpoints)
	}
	api.modifyStatus(t, imported, func() {
		imported.Status.Clusters = []mcsv1beta1.ClusterStatus{{Cluster: "east"}}
	})
	if len(imported.Status.Clusters) != 1 {
		t.Errorf("the status is %+v", imported.Status)
	}
	api.remove(t, six)
	eventually(t, "the slice goes", func() error { return api.gone(t, six) })
}

func TestNamespaceGoes(t *testing.T) {
	api := sharedAPI(t)
	var name string
	t.Run("create", func(t *testing.T) {
		name = api.newNamespace(t, "going-")
		api.create(t, headlessImport(name, "db"), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: name, Name: "zone"}})
	})
	if err := api.gone(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		t.Errorf("the namespace outlives the test that created it: %v", err)
	}
	if err := api.gone(t, headlessImport(name, "db")); err != nil {
		t.Errorf("its contents outlive the namespace: %v", err)
	}

	// The same name may be used again, and be deleted by the test itself.
	again := api.newNamespace(t, name+"x")
	api.deleteNamespace(t, again)
	if err := api.gone(t, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: again}}); err != nil {
		t.Error(err)
	}
}
