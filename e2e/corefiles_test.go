package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// TestInClusterCorefile runs the Corefile of the cluster's own DNS.
func TestInClusterCorefile(t *testing.T) {
	api := sharedAPI(t)
	kubeconfig := api.kubeconfig(t)
	namespace := api.newNamespace(t, "corefile-")
	web := localService(namespace, "web", "")
	shop := clusterSetIPImport(namespace, "shop", []string{"10.178.1.1"}, importPort("http", "TCP", 80))
	api.create(t, web, localService(namespace, "db", corev1.ClusterIPNone),
		localSlice(namespace, "db", readyEndpoint("pod-0", "10.178.0.2")),
		shop, endpointSlice(shop, "east", readyEndpoint("", "10.178.1.2")))
	d := runZonegen(t, kubeconfig)
	d.ready()
	upstream := freePort(t)
	runCoreDNS(t, upstream, "template IN A example.org {\n answer \"{{ .Name }} 60 IN A 192.0.2.80\"\n}\ntemplate ANY ANY {\n rcode NXDOMAIN\n}")

	port := freePort(t)
	run(t, coredns(t), "-conf", exampleConfig(t, "in-cluster/Corefile",
		".:53", fmt.Sprintf(".:%d", port), "/zones", d.zones, "/etc/resolv.conf", loopback(upstream),
		"kubernetes cluster.local in-addr.arpa ip6.arpa {", "kubernetes cluster.local in-addr.arpa ip6.arpa {\n kubeconfig "+kubeconfig,
		":8080", loopback(freePort(t)), ":8181", loopback(freePort(t)), ":9153", loopback(freePort(t)),
	)).waitOutput("CoreDNS-")
	in := "." + namespace + ".svc."
	for question, want := range map[string]string{
		"web" + in + "cluster.local. A":              "A " + web.Spec.ClusterIP,
		"shop" + in + clusterset + " A":              "A 10.178.1.1",
		"10-178-1-2.east.shop" + in + clusterset:     "A 10.178.1.2",
		"shop" + in + "cluster.local. A":             "NXDOMAIN",
		"web" + in + clusterset + " A":               "NXDOMAIN",
		"-x " + web.Spec.ClusterIP:                   "PTR web" + in + "cluster.local.",
		"-x 10.178.0.2":                              "PTR pod-0.db" + in + "cluster.local.",
		"-x 10.178.1.1":                              "PTR shop" + in + clusterset,
		"-x 10.178.1.2":                              "PTR 10-178-1-2.east.shop" + in + clusterset,
		"-x 10.178.2.1":                              "NXDOMAIN",
		"www.example.org A":                          "A 192.0.2.80",
		"_http._tcp.shop" + in + clusterset + " SRV": "SRV 0 100 80 shop" + in + clusterset,
	} {
		if err := answers(t, port, question, want); err != nil {
			t.Error(err)
		}
	}

	// A change is not hidden by the cache.
	shop.Spec.IPs = []string{"10.178.1.9"}
	if err := api.Update(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the change is served", func() error {
		return answers(t, port, "shop"+in+clusterset+" A", "A 10.178.1.9")
	})
}

// TestNodeLocalCorefile runs the cache of a node: it caches, follows a change, and outlives the servers behind it.
func TestNodeLocalCorefile(t *testing.T) {
	zones := t.TempDir()
	manifest := filepath.Join(t.TempDir(), "clustersetip.yaml")
	text := readFile(t, "../examples/clustersetip.yaml")
	render := func(address string) {
		t.Helper()
		if err := os.WriteFile(manifest, []byte(strings.ReplaceAll(text, "10.128.0.10", address)), 0o600); err != nil {
			t.Fatal(err)
		}
		verb(t, 0, "render", "-f", manifest, "--zone-dir", zones)
	}
	render("10.128.0.10")
	service, cluster, port, metrics := freePort(t), freePort(t), freePort(t), loopback(freePort(t))
	server := runCoreDNS(t, service, "multicluster clusterset.local {\n directory "+zones+"\n}")
	runCoreDNS(t, cluster, "template IN A cluster.local {\n answer \"{{ .Name }} 60 IN A 192.0.2.81\"\n}")
	cache := run(t, coredns(t), "-conf", exampleConfig(t, "node-local/Corefile",
		":53", fmt.Sprintf(":%d", port), "169.254.20.10", "127.0.0.1", "10.96.0.20", loopback(service), "10.96.0.10", loopback(cluster),
		":8080", loopback(freePort(t)), ":9253", metrics,
	))
	cache.waitOutput("CoreDNS-")

	question := "checkout.shop." + svc + " A"
	for question, want := range map[string]string{
		question:                     "A 10.128.0.10",
		"none.shop." + svc + " A":    "NXDOMAIN",
		"web.shop.svc.cluster.local": "A 192.0.2.81",
	} {
		if err := answers(t, port, question, want); err != nil {
			t.Error(err)
		}
	}
	render("10.128.0.99")
	eventually(t, "the change is seen through the cache", func() error { return answers(t, port, question, "A 10.128.0.99") })
	if code := server.stop(); code != 0 {
		t.Errorf("CoreDNS exits with %d", code)
	}
	cache.eventually("an answer that has expired is given while there is no server", func() error {
		if err := answers(t, port, question, "A 10.128.0.99"); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(cache.waitHTTP("http://"+metrics+"/metrics", 200), "\ncoredns_cache_served_stale_total{") {
			return errors.New("it has not expired yet")
		}
		return nil
	})
}

// TestCorefilesAreTested: a test runs each file of examples/corefiles, and the README there tells of it.
func TestCorefilesAreTested(t *testing.T) {
	files, err := filepath.Glob("../examples/corefiles/*/*")
	if err != nil || len(files) < 8 {
		t.Fatal(files, err)
	}
	tests, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	for _, test := range tests {
		code.WriteString(readFile(t, test))
	}
	readme := readFile(t, "../examples/corefiles/README.md")
	for _, file := range files {
		name := strings.TrimPrefix(file, "../examples/corefiles/")
		if !strings.Contains(code.String(), `exampleConfig(t, "`+name+`"`) {
			t.Errorf("no test runs %s", name)
		}
		if !strings.Contains(readme, filepath.Dir(name)+"/") {
			t.Errorf("%s is not in the README", filepath.Dir(name))
		}
	}
}
