package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd/api"
)

// fakeAPI answers as an API server does as far as our requests go. The real one
// is tried in e2e; this is about what we ask, and when.
type fakeAPI struct {
	mu       sync.Mutex
	versions map[string]bool // of the API that are served, and whether they have ServiceImports
	imports  []string        // in each of them
	stop     chan struct{}   // closed to end all watches
	asked    map[string]http.Header
}

func (f *fakeAPI) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.stop)
	f.stop = make(chan struct{})
}

// header returns one of the headers of the last request for a path and query
// that contain text.
func (f *fakeAPI) header(text, name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for url, header := range f.asked {
		if strings.Contains(url, text) {
			return header.Get(name)
		}
	}
	return "not asked for"
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.asked[r.URL.String()] = r.Header
	stop := f.stop
	code, answer := f.answer(r)
	f.mu.Unlock()

	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if answer != nil {
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	w.(http.Flusher).Flush()
	select {
	case <-stop:
	case <-r.Context().Done():
	}
}

// answer returns no answer for a watch, on which nothing ever happens.
func (f *fakeAPI) answer(r *http.Request) (int, any) {
	meta := metav1.ListMeta{ResourceVersion: "1"}
	version, ours := strings.CutPrefix(r.URL.Path, "/apis/multicluster.x-k8s.io/")
	version, list := strings.CutSuffix(version, "/serviceimports")
	hasImports, served := f.versions[version]
	switch {
	case ours && !list && served && !hasImports:
		return http.StatusOK, metav1.APIResourceList{APIResources: []metav1.APIResource{{Name: "serviceexports"}}}
	case ours && !hasImports:
		return http.StatusNotFound, apierrors.NewNotFound(serviceImports, "").Status()
	case ours && !list:
		return http.StatusOK, metav1.APIResourceList{APIResources: []metav1.APIResource{{Name: "serviceexports"}, {Name: "serviceimports"}}}
	case r.URL.Query().Has("sendInitialEvents"):
		return http.StatusBadRequest, apierrors.NewBadRequest("not known here").Status()
	case r.URL.Query().Has("watch"):
		return http.StatusOK, nil
	case ours:
		var items []any
		for _, name := range f.imports {
			items = append(items, map[string]any{
				"metadata": metav1.ObjectMeta{Namespace: "ns", Name: name},
				"spec":     map[string]any{"type": "ClusterSetIP", "ips": []string{"10.0.0.1"}},
			})
		}
		return http.StatusOK, map[string]any{
			"apiVersion": "multicluster.x-k8s.io/" + version, "kind": "ServiceImportList", "metadata": meta, "items": items,
		}
	case r.URL.Path == "/api/v1/namespaces":
		return http.StatusOK, map[string]any{
			"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": meta,
			"items": []any{map[string]any{"metadata": metav1.ObjectMeta{Name: "empty"}}},
		}
	case r.URL.Path == "/apis/discovery.k8s.io/v1/endpointslices":
		return http.StatusOK, map[string]any{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSliceList", "metadata": meta, "items": []any{}}
	}
	return http.StatusNotFound, apierrors.NewNotFound(endpointSlices, "").Status()
}

// runKubernetes runs a source against an API server until the test ends.
func runKubernetes(t *testing.T, handler http.Handler) (*Kubernetes, *logs) {
	t.Helper()
	server := httptest.NewServer(handler)
	path := writeKubeconfig(t, func(c *api.Config) { c.Clusters["east"].Server = server.URL })
	l := &logs{}
	k, err := NewKubernetes(KubernetesOptions{Kubeconfig: path, UserAgent: "zonegen/test", Logger: l.logger(0)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- k.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run returned %v", err)
		}
		server.Close()
	})
	return k, l
}

// The CRD comes late, in one version, changes to the other, goes away, and
// comes back with other objects.
func TestKubernetesVersionsComeAndGo(t *testing.T) {
	noCluster(t)
	f := &fakeAPI{versions: map[string]bool{}, imports: []string{"a", "b"}, stop: make(chan struct{}), asked: map[string]http.Header{}}
	k, l := runKubernetes(t, f)
	r := running{t: t, logs: l}
	next := func(want string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		c, err := k.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %q: %v\n%s", want, err, l)
		}
		wantChanges(t, c, want)
	}
	r.wantLog("serves no serviceimports.multicluster.x-k8s.io")
	if got := fmt.Sprint(k.Waiting()); !strings.Contains(got, "ServiceImports: ") || !strings.Contains(got, "install the Multi-Cluster Services API") {
		t.Errorf("waiting for %s", got)
	}
	f.set(func() { f.versions = map[string]bool{"v1alpha1": true, "v1beta1": false} })
	next("+a[10.0.0.1] +b[10.0.0.1] +ns:empty")
	if got := k.Waiting(); len(got) > 0 {
		t.Errorf("waiting for %s", got)
	}

	// Another version, the same objects: no change, until there is one.
	r.wantLog("watching the Kubernetes API again")
	l.take()
	f.set(func() { f.versions = map[string]bool{"v1beta1": true}; f.imports = []string{"a", "b", "c"} })
	next("+c[10.0.0.1]")

	// Gone: everything stays.
	r.wantLog("watching the Kubernetes API again")
	l.take()
	f.set(func() { f.versions = map[string]bool{}; f.imports = nil })
	r.wantLog("the last known state stays")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if c, err := k.Next(ctx); err == nil {
		t.Errorf("the CRD is gone, and so is %v", c)
	}
	f.set(func() {
		f.versions = map[string]bool{"v1alpha1": true, "v1beta1": true}
		f.imports = []string{"b", "d"}
	})
	next("+d[10.0.0.1] -a -c")
	r.wantLog("watching the Kubernetes API again")

	for _, test := range []struct{ url, header, want string }{
		{"/apis/multicluster.x-k8s.io/v1beta1/serviceimports", "User-Agent", "zonegen/test"},
		{"/api/v1/namespaces", "User-Agent", "zonegen/test"},
		{"endpointslices?labelSelector=multicluster.kubernetes.io%2Fservice-name", "Accept", "application/vnd.kubernetes.protobuf,application/json"},
	} {
		if got := f.header(test.url, test.header); got != test.want {
			t.Errorf("%s of %s: %s", test.header, test.url, got)
		}
	}
	if got := f.header("/api/v1/namespaces", "Accept"); !strings.Contains(got, "as=PartialObjectMetadata") {
		t.Errorf("namespaces are asked for whole: %s", got)
	}
}

// Nothing is allowed: it says what, and goes on asking.
func TestKubernetesForbidden(t *testing.T) {
	noCluster(t)
	k, l := runKubernetes(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"User \"ann\" cannot do that"}`)
	}))
	r := running{t: t, logs: l}
	for _, want := range []string{
		"kubectl create clusterrolebinding zonegen-discovery --clusterrole=system:discovery --user=ann",
		"--verb=list,watch --resource=endpointslices.discovery.k8s.io",
		"--verb=list,watch --resource=namespaces",
	} {
		r.wantLog(want)
	}
	if got := k.Waiting(); len(got) != 3 {
		t.Errorf("waiting for %q", got)
	}
}
