package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	mcsv1alpha1 "sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// apiServer is a kube-apiserver with its etcd, and a client to it that may do everything. There are no controllers:
// nothing fills a namespace, collects garbage or finishes the deletion of a namespace (see deleteNamespace).
type apiServer struct {
	client.WithWatch
	config *rest.Config

	mu     sync.Mutex // of starting and ending env: an interrupt may come any time
	env    *envtest.Environment
	dir    string // of its certificates and its log
	shared bool   // by all tests
}

var startShared = sync.OnceValues(func() (*apiServer, error) {
	dir, err := os.MkdirTemp("", "zonegen-e2e-api-")
	if err != nil {
		return nil, err
	}
	atEnd(func() { _ = os.RemoveAll(dir) })
	api, err := startAPI(dir, serviceCRDs("v1alpha1", "v1beta1"))
	if err != nil {
		return nil, err
	}
	api.shared = true
	return api, nil
})

// sharedAPI returns the API server of all tests that do not stop it or change its CRDs, which are served in both
// versions. Tests keep apart by their namespaces.
func sharedAPI(t testing.TB) *apiServer {
	t.Helper()
	api, err := startShared()
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// privateAPI starts an API server for one test, which may stop it. The CRDs are installed and served in these
// versions; without one, they are not installed.
func privateAPI(t testing.TB, versions ...string) *apiServer {
	t.Helper()
	var crds []*apiextensionsv1.CustomResourceDefinition
	if len(versions) > 0 {
		crds = serviceCRDs(versions...)
	}
	api, err := startAPI(t.TempDir(), crds)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.end(); err != nil {
			t.Errorf("stopping the private control plane: %v", err)
		}
	})
	return api
}

// kubeconfig writes a kubeconfig file for an administrator.
func (a *apiServer) kubeconfig(t testing.TB) string {
	t.Helper()
	return a.kubeconfigOf(t, "admin", "system:masters")
}

// kubeconfigOf writes a kubeconfig file for a user, who may do what RBAC says.
func (a *apiServer) kubeconfigOf(t testing.TB, user string, groups ...string) string {
	t.Helper()
	added, err := a.env.AddUser(envtest.User{Name: user, Groups: groups}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := added.KubeConfig()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// kubectl runs kubectl as an administrator and returns what it prints.
func (a *apiServer) kubectl(t testing.TB, args ...string) string {
	t.Helper()
	dir, err := controlPlaneDir()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(dir, "kubectl"), append([]string{"--kubeconfig", a.kubeconfig(t)}, args...)...)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("kubectl %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// scheme knows the objects that tests handle.
func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientscheme.AddToScheme, apiextensionsv1.AddToScheme, mcsv1alpha1.Install, mcsv1beta1.Install,
	} {
		if err := add(s); err != nil {
			panic(err) // cannot happen: the types do not depend on input
		}
	}
	return s
}
