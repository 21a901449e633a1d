package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
)

// stock is the list of CoreDNS' plugin.cfg: variables get their values before main's init replaces it.
var stock = slices.Clone(dnsserver.Directives)

// ours is the plugin that plugin.cfg does not have.
const ours = "multicluster"

// leftOut are the stock plugins that we do without; the comment on directives says why.
var leftOut = []string{"azure", "clouddns", "etcd", "geoip", "nomad", "route53", "trace"}

// registered returns the plugins that are linked in, in the order in which -plugins lists them.
func registered() []string {
	var names []string
	for _, name := range caddy.ListPlugins()["others"] {
		names = append(names, strings.TrimPrefix(name, "dns."))
	}
	return names
}

func TestDirectivesAreTheRegisteredPlugins(t *testing.T) {
	want := slices.Sorted(slices.Values(registered()))
	if got := slices.Sorted(slices.Values(caddy.ValidDirectives("dns"))); !slices.Equal(got, want) {
		t.Errorf("directives are\n%q\nplugins are\n%q", got, want)
	}
}

// A new release of CoreDNS with a new plugin fails here, until it is put into one of the lists.
func TestDirectivesAreInStockOrder(t *testing.T) {
	want := slices.DeleteFunc(slices.Clone(stock), func(name string) bool { return slices.Contains(leftOut, name) })
	want = slices.Insert(want, slices.Index(want, "kubernetes")+1, ours)
	if !slices.Equal(directives, want) {
		t.Errorf("directives are\n%q\nplugin.cfg has, but for what we leave out and for our own,\n%q", directives, want)
	}
}

// What `make build` links, it links in the workspace nosdk.work.
func TestNoCloudSDK(t *testing.T) {
	workspace, err := filepath.Abs("nosdk.work")
	if err != nil {
		t.Fatal(err)
	}
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{.ImportPath}} {{.Dir}}", ".")
	list.Env = append(list.Environ(), "GOWORK="+workspace)
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	standIns := filepath.Join(filepath.Dir(workspace), "nosdk")
	for line := range strings.Lines(string(out)) {
		pkg, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(dir, standIns) {
			continue
		}
		for _, sdk := range []string{
			"github.com/aws/", "github.com/Azure/", "cloud.google.com/", "google.golang.org/api/",
			"github.com/DataDog/", "github.com/hashicorp/nomad/",
		} {
			if strings.HasPrefix(pkg, sdk) {
				t.Errorf("%s is linked in", pkg)
			}
		}
	}
}
