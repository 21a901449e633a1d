package e2e

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1alpha1 "sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

func TestAPIServerVersion(t *testing.T) {
	api := sharedAPI(t)
	kinds, err := discovery.NewDiscoveryClientForConfig(api.config)
	if err != nil {
		t.Fatal(err)
	}
	version, err := kinds.ServerVersion()
	if err != nil {
		t.Fatal(err)
	}
	if version.GitVersion != "v1.36.3" || version.Major != "1" || version.Minor != "36" {
		t.Errorf("the API server says it is %#v, want v1.36.3", version)
	}
	if said := api.kubectl(t, "version"); strings.Count(said, "Version: v1.36.3\n") != 2 {
		t.Errorf("kubectl says:\n%swant v1.36.3 of client and server", said)
	}
}

func TestCRDsEstablished(t *testing.T) {
	api := sharedAPI(t)
	for _, name := range []string{mcsv1beta1.ServiceImportFullName, mcsv1beta1.ServiceExportFullName} {
		crd := new(apiextensionsv1.CustomResourceDefinition)
		if err := api.Get(t.Context(), client.ObjectKey{Name: name}, crd); err != nil {
			t.Fatal(err)
		}
		established := false
		for _, condition := range crd.Status.Conditions {
			established = established || condition.Type == apiextensionsv1.Established &&
				condition.Status == apiextensionsv1.ConditionTrue
		}
		if !established {
			t.Errorf("%s is not established: %v", name, crd.Status.Conditions)
		}
	}
}

func TestPrivateAPIServerKeepsData(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	namespace := api.newNamespace(t, "kept")
	imported := clusterSetIPImport(namespace, "db", []string{"10.42.0.1"})
	api.create(t, imported)
	config, err := clientcmd.BuildConfigFromFlags("", api.kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	fromFile, err := client.New(config, client.Options{Scheme: scheme()})
	if err != nil {
		t.Fatal(err)
	}

	for range 2 {
		watch, err := api.Watch(t.Context(), new(mcsv1beta1.ServiceImportList)) // as zonegen holds
		if err != nil {
			t.Fatal(err)
		}
		api.stop(t)
		if conn, err := net.Dial("tcp", api.address()); err == nil {
			_ = conn.Close()
			t.Fatal("the stopped API server takes connections")
		}
		for range watch.ResultChan() { // ends with the API server
		}
		api.start(t)
		got := new(mcsv1beta1.ServiceImport)
		if err := fromFile.Get(t.Context(), client.ObjectKeyFromObject(imported), got); err != nil {
			t.Fatal(err)
		}
		if got.UID != imported.UID {
			t.Errorf("after a restart there is another object: %s, was %s", got.UID, imported.UID)
		}
	}
}

func TestAPIServerFrozen(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	list := func(within time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return api.List(ctx, new(mcsv1beta1.ServiceImportList))
	}
	if err := list(patience); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		api.freeze(t)
		if err := list(50 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want no answer in time", err)
		}
		api.thaw(t)
		if err := list(patience); err != nil {
			t.Error(err)
		}
	}
	api.freeze(t) // does not keep it from ending
}

func TestSharedAPIServerIsNotToBeStopped(t *testing.T) {
	api := sharedAPI(t)
	for name, disturb := range map[string]func(testing.TB){"stop": api.stop, "freeze": api.freeze} {
		if got := failures(t, disturb); !strings.Contains(got, "use privateAPI") {
			t.Errorf("%s: the test fails with %q", name, got)
		}
	}
}

func TestServedVersions(t *testing.T) {
	api := privateAPI(t)
	namespace := api.newNamespace(t, "versions")
	imported := headlessImport(namespace, "db")
	check := func(alpha, beta bool) {
		t.Helper()
		for version, c := range map[string]struct {
			into client.Object
			want bool
		}{
			"v1alpha1": {new(mcsv1alpha1.ServiceImport), alpha},
			"v1beta1":  {new(mcsv1beta1.ServiceImport), beta},
		} {
			fresh, err := client.New(api.config, client.Options{Scheme: scheme()}) // has not yet asked discovery
			if err != nil {
				t.Fatal(err)
			}
			err = fresh.Get(t.Context(), client.ObjectKeyFromObject(imported), c.into)
			switch {
			case c.want && err != nil:
				t.Errorf("%s: %v", version, err)
			case !c.want && !meta.IsNoMatchError(err):
				t.Errorf("%s: got %v, want it not to be served", version, err)
			}
		}
	}
	check(false, false)
	api.serve(t, "v1alpha1")
	api.create(t, asV1alpha1(imported))
	check(true, false)
	api.serve(t, "v1alpha1", "v1beta1")
	check(true, true)
	api.serve(t, "v1beta1")
	check(false, true)
	api.unserve(t)
	check(false, false)
}

func TestKubeconfigOfUser(t *testing.T) {
	config, err := clientcmd.BuildConfigFromFlags("", sharedAPI(t).kubeconfigOf(t, "nobody"))
	if err != nil {
		t.Fatal(err)
	}
	nobody, err := client.New(config, client.Options{Scheme: scheme()})
	if err != nil {
		t.Fatal(err)
	}
	if err := nobody.List(t.Context(), new(mcsv1beta1.ServiceImportList)); !apierrors.IsForbidden(err) {
		t.Errorf("got %v, want that a user without a role is forbidden to list", err)
	}
}
