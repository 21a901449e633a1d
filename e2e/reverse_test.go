package e2e

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestReverseZonesSharedWithKubernetes has our plugin and CoreDNS' kubernetes share the reverse zones, as the plugin's
// README has it, with either of them asked first, and asks for the addresses of both, and of neither.
func TestReverseZonesSharedWithKubernetes(t *testing.T) {
	api := sharedAPI(t)
	kubeconfig := api.kubeconfig(t)
	namespace := api.newNamespace(t, "reverse-")
	web := localService(namespace, "web", "")
	api.create(t, web, localService(namespace, "db", corev1.ClusterIPNone),
		localSlice(namespace, "web", readyEndpoint("", "10.177.0.1")),
		localSlice(namespace, "db", readyEndpoint("pod-0", "10.177.0.2")),
		localSlice(namespace, "db", readyEndpoint("pod-1", "fd00:177::2")))
	http := importPort("http", "TCP", 80)
	shop := clusterSetIPImport(namespace, "shop", []string{"10.177.1.1", "fd00:177:1::1"}, http)
	cart := headlessImport(namespace, "cart", http)
	api.create(t, shop, endpointSlice(shop, "east", readyEndpoint("", "10.177.1.2")),
		cart, endpointSlice(cart, "east", readyEndpoint("pod-0", "10.177.1.3")),
		endpointSlice(cart, "west", readyEndpoint("pod-0", "fd00:177:1::3")))
	d := runZonegen(t, kubeconfig)
	d.ready()

	upstream := freePort(t)
	runCoreDNS(t, upstream, "template IN PTR 2.0.192.in-addr.arpa {\n answer \"{{ .Name }} 60 IN PTR upstream.example.\"\n}\ntemplate ANY ANY {\n rcode NXDOMAIN\n}")
	// Without labels, kubernetes takes a slice of the clusterset for one of a Service without a name, and gives no answer
	// at all for the addresses of its endpoints.
	plugins := fmt.Sprintf(`kubernetes cluster.local in-addr.arpa ip6.arpa {
		kubeconfig %s
		labels !multicluster.kubernetes.io/service-name
		fallthrough in-addr.arpa ip6.arpa
	}
	multicluster clusterset.local in-addr.arpa ip6.arpa {
		directory %s
		fallthrough in-addr.arpa ip6.arpa
	}
	forward . %s`, kubeconfig, d.zones, loopback(upstream))

	in := "." + namespace + ".svc."
	for _, order := range []struct{ name, path string }{
		{"kubernetes first", coredns(t)},
		{"multicluster first", multiclusterFirst(t)},
	} {
		t.Run(order.name, func(t *testing.T) {
			port := freePort(t)
			run(t, order.path, "-conf", corefile(t, port, plugins)).waitOutput("CoreDNS-")
			for address, want := range map[string]string{
				web.Spec.ClusterIP: "PTR web" + in + "cluster.local.",
				"10.177.0.1":       "PTR 10-177-0-1.web" + in + "cluster.local.",
				"10.177.0.2":       "PTR pod-0.db" + in + "cluster.local.",
				"fd00:177::2":      "PTR pod-1.db" + in + "cluster.local.",
				"10.177.1.1":       "PTR shop" + in + clusterset,
				"fd00:177:1::1":    "PTR shop" + in + clusterset,
				"10.177.1.2":       "PTR 10-177-1-2.east.shop" + in + clusterset,
				"10.177.1.3":       "PTR pod-0.east.cart" + in + clusterset,
				"fd00:177:1::3":    "PTR pod-0.west.cart" + in + clusterset,
				"10.177.2.1":       "NXDOMAIN",
				"fd00:177:2::1":    "NXDOMAIN",
				"192.0.2.1":        "PTR upstream.example.",
			} {
				reverse, err := dns.ReverseAddr(address)
				if err != nil {
					t.Fatal(err)
				}
				if err := answers(t, port, reverse+" PTR", want); err != nil {
					t.Error(err)
				}
			}
			for question, want := range map[string]string{
				"web" + in + "cluster.local. A":  "A " + web.Spec.ClusterIP,
				"shop" + in + "cluster.local. A": "NXDOMAIN",
				"shop" + in + clusterset + " A":  "A 10.177.1.1",
				"web" + in + clusterset + " A":   "NXDOMAIN",
				"1.177.10.in-addr.arpa. PTR":     "NODATA", // there are names below it
			} {
				if err := answers(t, port, question, want); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// multiclusterFirst builds our CoreDNS with two lines of its list of plugins swapped, and returns its path. The list is
// the order in which a query meets the plugins; a Corefile cannot change it.
func multiclusterFirst(t testing.TB) string {
	t.Helper()
	list, err := filepath.Abs("../cmd/coredns/plugins.go")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"\t\"kubernetes\",\n", "\t\"multicluster\",\n"}
	if strings.Count(string(text), lines[0]+lines[1]) != 1 {
		t.Fatalf("%s does not list kubernetes and then multicluster", list)
	}
	dir := t.TempDir()
	swapped, overlay := filepath.Join(dir, "plugins.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {list: swapped}})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string]string{
		swapped: strings.Replace(string(text), lines[0]+lines[1], lines[1]+lines[0], 1),
		overlay: string(replace),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path, err := goBuild("..", "./cmd/coredns", "-overlay", overlay)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// localService is a Service of the cluster itself, without a selector: nothing would fill its slices here.
func localService(namespace, name, clusterIP string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec: corev1.ServiceSpec{
			ClusterIP: clusterIP,
			Ports:     []corev1.ServicePort{{Name: "http", Protocol: corev1.ProtocolTCP, Port: 80}},
		},
	}
}

// localSlice is a slice of the endpoints of a Service of the cluster itself, of the address family of its endpoint.
func localSlice(namespace, service string, endpoint discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	name, protocol, port := "http", corev1.ProtocolTCP, int32(80)
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, GenerateName: service + "-",
			Labels: map[string]string{discoveryv1.LabelServiceName: service},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{endpoint},
		Ports:       []discoveryv1.EndpointPort{{Name: &name, Protocol: &protocol, Port: &port}},
	}
	if netip.MustParseAddr(endpoint.Addresses[0]).Is6() {
		slice.AddressType = discoveryv1.AddressTypeIPv6
	}
	return slice
}
