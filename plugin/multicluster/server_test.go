package multicluster

import (
	"slices"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
)

func init() {
	caddy.Quiet, dnsserver.Quiet = true, true
	at := slices.Index(dnsserver.Directives, "kubernetes") + 1
	dnsserver.Directives = slices.Insert(dnsserver.Directives, at, pluginName)
}

// instanceOf starts CoreDNS in this process. It ends with the test.
func instanceOf(t testing.TB, corefile string) *caddy.Instance {
	t.Helper()
	i, err := caddy.Start(input(corefile))
	if err != nil {
		t.Fatalf("%v\n%s", err, corefile)
	}
	t.Cleanup(func() { end(t, i) })
	return i
}

func end(t testing.TB, i *caddy.Instance) {
	t.Helper()
	for _, err := range i.ShutdownCallbacks() {
		t.Error(err)
	}
	if err := i.Stop(); err != nil {
		t.Error(err)
	}
}

func input(corefile string) caddy.Input {
	return caddy.CaddyfileInput{Contents: []byte(corefile), Filepath: "Corefile", ServerTypeName: "dns"}
}
