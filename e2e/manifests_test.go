package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestManifests has zonegen follow a folder of manifests while CoreDNS serves its zones.
func TestManifests(t *testing.T) {
	manifests, zones, httpPort := t.TempDir(), t.TempDir(), freePort(t)
	path := func(name string) string { return filepath.Join(manifests, name) }
	put := func(name string, documents ...string) { // as editors do
		t.Helper()
		temp := path("." + name + ".new")
		if err := os.WriteFile(temp, []byte(strings.Join(documents, "---\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(temp, path(name)); err != nil {
			t.Fatal(err)
		}
	}
	put("cart.yaml", manifest("cart", "10.1.0.1"))
	p := run(t, zonegen(t), "run", "-f", manifests, "--zone-dir", zones, "--http", loopback(httpPort), "--min-interval", "20ms")
	d := &daemon{p, zones, fmt.Sprintf("http://127.0.0.1:%d", httpPort)}
	d.ready()
	port := servers(t, zones, allZones...)["file"]
	becomes := func(what, question string, want ...string) {
		t.Helper()
		eventually(t, what, func() error { return answers(t, port, question, want...) })
	}
	becomes("what is there from the beginning", "cart.shop."+svc, "A 10.1.0.1")
	becomes("its address has a name", "-x 10.1.0.1", "PTR cart.shop."+svc)

	put("cart.yaml", manifest("cart", "10.1.0.2"))
	becomes("a file is replaced", "cart.shop."+svc, "A 10.1.0.2")
	if err := os.WriteFile(path("cart.yaml"), []byte(manifest("cart", "10.1.0.3")), 0o644); err != nil {
		t.Fatal(err)
	}
	becomes("a file is written again", "cart.shop."+svc, "A 10.1.0.3")
	put("more.yaml", manifest("web", "10.1.1.1"), manifest("db", "10.1.2.1"))
	becomes("a new file", "web.shop."+svc, "A 10.1.1.1")
	becomes("all of it", "db.shop."+svc, "A 10.1.2.1")

	put("more.yaml", manifest("web", "10.1.1.2"), "kind: [\n")
	p.waitOutput(`msg="manifest is refused, its last good content stays" file=\S+/more.yaml error="\S+/more.yaml: document 2, line \d+: `)
	put("cart.yaml", manifest("cart", "10.1.0.4"))
	becomes("other files are followed while one is broken", "cart.shop."+svc, "A 10.1.0.4")
	becomes("the last good content of the broken one stays", "web.shop."+svc, "A 10.1.1.1")
	d.ready()
	put("more.yaml", manifest("web", "10.1.1.3"))
	becomes("it is mended", "web.shop."+svc, "A 10.1.1.3")
	becomes("what is no longer in it is gone", "db.shop."+svc, "NXDOMAIN")

	if err := os.Remove(path("cart.yaml")); err != nil {
		t.Fatal(err)
	}
	becomes("a file is deleted", "cart.shop."+svc, "NXDOMAIN")
	becomes("and its reverse name", "-x 10.1.0.4", "NXDOMAIN")
	d.checkAll()
	if code := p.stop(); code != 0 {
		t.Errorf("SIGTERM ends zonegen with exit code %d", code)
	}
}

// manifest is a ServiceImport in YAML.
func manifest(name, address string) string {
	return fmt.Sprintf("apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceImport\nmetadata: {namespace: shop, name: %s}\nspec: {type: ClusterSetIP, ips: [%s], ports: []}\n", name, address)
}
