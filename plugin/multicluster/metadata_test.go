package multicluster

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/metadata"
	"github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

func TestMetadata(t *testing.T) {
	m := loaded(t, texts(shop(t), 7))
	for name, want := range map[string]string{
		"web.shop.svc.clusterset.local.":               "kind=svc namespace=shop service=web",
		"WEB.shop.svc.clusterset.local.":               "kind=svc namespace=shop service=web",
		"shop.svc.clusterset.local.":                   "kind=svc namespace=shop",
		"svc.clusterset.local.":                        "kind=svc",
		"clusterset.local.":                            "",
		"_http._tcp.web.shop.svc.clusterset.local.":    "kind=svc namespace=shop port-name=http protocol=tcp service=web",
		"_tcp.web.shop.svc.clusterset.local.":          "kind=svc namespace=shop protocol=tcp service=web",
		"pg-0.west.pg.db.svc.clusterset.local.":        "cluster=west endpoint=pg-0 kind=svc namespace=db service=pg",
		"west.pg.db.svc.clusterset.local.":             "cluster=west kind=svc namespace=db service=pg",
		"pod.clusterset.local.":                        "kind=pod",
		"1-2-3-4.ns.pod.clusterset.local.":             "kind=pod",
		"x.pg-0.west.pg.db.svc.clusterset.local.":      "parse-error=invalid query name",
		"http._tcp.web.shop.svc.clusterset.local.":     "parse-error=invalid query name",
		"_x._http._tcp.web.shop.svc.clusterset.local.": "parse-error=invalid query name",
		"ns.dns.clusterset.local.":                     "parse-error=invalid query name",
		"80.0.0.10.in-addr.arpa.":                      "nothing",
		"example.com.":                                 "nothing",
	} {
		ctx := metadata.ContextWithMetadata(context.Background())
		ctx = m.Metadata(ctx, request.Request{W: &test.ResponseWriter{}, Req: question(name, dns.TypeA)})
		var got []string
		values := metadata.ValueFuncs(ctx)
		for _, label := range slices.Sorted(maps.Keys(values)) {
			if value := values[label](); value != "" {
				got = append(got, strings.TrimPrefix(label, "multicluster/")+"="+value)
			}
		}
		if len(values) == 0 {
			got = []string{"nothing"}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}
