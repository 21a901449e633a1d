package e2e

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// newProxy starts a server before the API server, as a load balancer is, and returns the kubeconfig of an administrator
// who comes this way. Each request goes to wrap, whose argument passes it on; responses go through modify, which may be
// nil.
func newProxy(t testing.TB, a *apiServer, modify func(*http.Response) error, wrap func(pass http.Handler) http.HandlerFunc) (kubeconfig string) {
	t.Helper()
	transport, err := rest.TransportFor(a.config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(a.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(wrap(&httputil.ReverseProxy{
		Transport:      transport,
		FlushInterval:  -1, // at once
		Rewrite:        func(request *httputil.ProxyRequest) { request.SetURL(target) },
		ModifyResponse: modify,
		ErrorLog:       log.New(io.Discard, "", 0), // of what tests do
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	config := api.NewConfig()
	config.Clusters["proxy"] = &api.Cluster{Server: server.URL}
	config.Contexts["proxy"] = &api.Context{Cluster: "proxy"}
	config.CurrentContext = "proxy"
	kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, kubeconfig); err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}

// watchedKind is the kind of objects that a request lists or watches, of those that zonegen publishes; else empty.
func watchedKind(request *http.Request) string {
	switch kind := filepath.Base(request.URL.Path); kind {
	case "serviceimports", "endpointslices", "namespaces":
		return kind
	}
	return ""
}

// isWatch reports whether a request watches what zonegen publishes; the Lease is not part of that.
func isWatch(request *http.Request) bool {
	return watchedKind(request) != "" && request.URL.Query().Has("watch")
}

// isList reports whether a request asks for all objects of a kind, at once or as the beginning of a watch.
func isList(request *http.Request) bool {
	query := request.URL.Query()
	return watchedKind(request) != "" && !query.Has("fieldSelector") && query.Get("limit") != "1" && (!query.Has("watch") || query.Has("sendInitialEvents"))
}
