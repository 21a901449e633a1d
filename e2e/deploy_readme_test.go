package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
)

// kubeadmCluster is an API server that has CoreDNS as kubeadm sets it up.
func kubeadmCluster(t testing.TB) *apiServer {
	t.Helper()
	api := privateAPI(t, "v1beta1")
	api.furnish(t, "kube-system")
	api.kubectl(t, "apply", "--filename", "testdata/kubeadm-coredns.yaml")
	return api
}

// operatorCRDs are the kinds of the Prometheus Operator that we have manifests of, without their schemas: TestMonitoring
// reads those with the Go types of the operator.
func operatorCRDs() []*apiextensionsv1.CustomResourceDefinition {
	var crds []*apiextensionsv1.CustomResourceDefinition
	for _, kind := range []string{"ServiceMonitor", "PrometheusRule"} {
		plural, anything := strings.ToLower(kind)+"s", true
		crds = append(crds, &apiextensionsv1.CustomResourceDefinition{
			ObjectMeta: metav1.ObjectMeta{Name: plural + ".monitoring.coreos.com"},
			Spec: apiextensionsv1.CustomResourceDefinitionSpec{
				Group: "monitoring.coreos.com", Scope: apiextensionsv1.NamespaceScoped,
				Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: kind, Plural: plural},
				Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
					Name: "v1", Served: true, Storage: true,
					Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{
						Type: "object", XPreserveUnknownFields: &anything,
					}},
				}},
			},
		})
	}
	return crds
}

// runDocumented runs the bash blocks of a document, in a folder that has deploy/, with a kubectl for this API server. What
// waits for the controllers of a cluster is left out: there are none.
func (a *apiServer) runDocumented(t testing.TB, document string) {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS("../deploy")); err != nil {
		t.Fatal(err)
	}
	binaries, err := controlPlaneDir()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(binaries, "kubectl"), filepath.Join(bin, "kubectl")); err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```bash\n(.*?)^```$").FindAllStringSubmatch(readFile(t, document), -1)
	if len(blocks) < 2 {
		t.Fatalf("%s has %d bash blocks", document, len(blocks))
	}
	for _, block := range blocks {
		text := regexp.MustCompile(`(?m)^kubectl .* rollout status .*$`).ReplaceAllString(block[1], "")
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", text)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "KUBECONFIG="+a.kubeconfig(t), "PATH="+bin+":"+os.Getenv("PATH"))
		cmd.WaitDelay = time.Second
		out, err := cmd.CombinedOutput()
		if err != nil || strings.Contains(string(out), "arning") {
			t.Fatalf("%s: %v\n%s\n%s", document, err, block[1], out)
		}
	}
}

// corefile is that of the cluster's CoreDNS.
func (a *apiServer) corefile(t testing.TB) string {
	t.Helper()
	var object corev1.ConfigMap
	if err := a.Get(t.Context(), client.ObjectKey{Namespace: "kube-system", Name: "coredns"}, &object); err != nil {
		t.Fatal(err)
	}
	return object.Data["Corefile"]
}

// TestReadmeCluster runs what the README says about clusters.
func TestReadmeCluster(t *testing.T) {
	api := kubeadmCluster(t)
	before := api.corefile(t)
	for range 2 { // once more, since the Service has another address
		api.runDocumented(t, "../README.md")
		var service corev1.Service
		if err := api.Get(t.Context(), client.ObjectKey{Namespace: "dns", Name: "clusterset-dns"}, &service); err != nil {
			t.Fatal(err)
		}
		if text := api.corefile(t); text != "clusterset.local:53 {\n    errors\n    forward . "+service.Spec.ClusterIP+"\n}\n"+before {
			t.Errorf("the cluster's Corefile is now:\n%s", text)
		}
		api.remove(t, &service)
	}
	for _, c := range api.deployment(t, "dns", "clusterset-dns").Spec.Template.Spec.Containers {
		if c.Image != "registry.example.com/zonegen:v0.1.0" {
			t.Errorf("%s has the image %s", c.Name, c.Image)
		}
	}
}

// TestDeployExistingCoreDNS does what deploy/README.md says: in a namespace of another name, with monitoring, and for the
// CoreDNS of kubeadm, which then serves the zone beside its own.
func TestDeployExistingCoreDNS(t *testing.T) {
	api := kubeadmCluster(t)
	if _, err := envtest.InstallCRDs(api.config, envtest.CRDInstallOptions{CRDs: operatorCRDs(), MaxTime: patience}); err != nil {
		t.Fatal(err)
	}
	web := clusterSetIPImport(api.newNamespace(t, "shop"), "web", []string{"10.1.0.1"})
	api.create(t, web)
	api.runDocumented(t, "../deploy/README.md")
	once := api.corefile(t)
	api.runDocumented(t, "../deploy/README.md")
	if again := api.corefile(t); again != once {
		t.Errorf("what deploy/README.md says makes another Corefile the second time:\n%s", again)
	}
	for _, object := range monitoringObjects {
		api.kubectl(t, "--namespace", "clusterset-dns", "get", object)
	}
	if out := api.kubectl(t, "--namespace", "dns", "get", "all,configmaps"); !strings.Contains(out, "No resources found") {
		t.Errorf("in the namespace dns there is\n%s", out)
	}

	api.sameConfigMaps(t, api.deployment(t, "kube-system", "coredns"), 0)
	port, upstream := freePort(t), freePort(t)
	health, ready := loopback(freePort(t)), loopback(freePort(t))
	v := api.volumes(t, api.newPod(t, "kube-system", "coredns"),
		":53 {", fmt.Sprintf(":%d {", port), "/etc/resolv.conf", loopback(upstream), ":9153", loopback(freePort(t)),
		"health {", "health "+health+" {", "    ready\n", "    ready "+ready+"\n")
	server := v.runContainer("coredns")
	server.waitHTTP("http://"+ready+"/ready", http.StatusOK)
	own := func() error {
		return answers(t, port, "kubernetes.default.svc.cluster.local", "A "+api.kubernetesIP(t))
	}
	server.eventually("the cluster's names are served, though there is no zone", own)

	r := api.runReplica(t, "kube-system")
	r.ready()
	served := func(address string) error {
		return errors.Join(answers(t, port, "web.shop."+svc, "A "+address), answers(t, port, "nothing.shop."+svc, "NXDOMAIN"))
	}
	server.eventually("both zones are served", func() error {
		v.refresh()
		return errors.Join(served("10.1.0.1"), own())
	})
	api.modify(t, web, func() { web.Spec.IPs[0] = "10.1.0.2" })
	server.eventually("the change is served", func() error {
		v.refresh()
		return served("10.1.0.2")
	})

	// A zone that just fits into the ConfigMap, and changes, fits into the memory of the cluster's CoreDNS.
	before, _ := server.memory(t)
	populate(t, api, synthetic.Size{Services: 380, Endpoints: 50}, 1)
	file := filepath.Join(v.folder(zonesConfigMap), "db.clusterset.local")
	server.eventually("the clusterset is served", func() error {
		v.refresh()
		if text := readFile(t, file); len(text) < 850<<10 {
			return fmt.Errorf("the zone has %d bytes", len(text))
		}
		return nil
	})
	for i := range 4 {
		api.modify(t, web, func() { web.Spec.IPs[0] = fmt.Sprint("10.1.1.", i) })
		server.eventually("the change is served", func() error {
			v.refresh()
			return served(web.Spec.IPs[0])
		})
	}
	_, peak := server.memory(t)
	limit := v.pod.Spec.Containers[0].Resources.Limits.Memory().AsApproximateFloat64()
	t.Logf("CoreDNS has %.0f MB, and has had %.0f with a zone of %d bytes; its limit is %.0f", before/1e6, peak/1e6, len(readFile(t, file)), limit/1e6)
	if peak > limit*2/3 {
		t.Error("that is too much")
	}

	// One that no longer fits keeps nothing from being served.
	outgrow := headlessImport(web.Namespace, "outgrow")
	var endpoints []discoveryv1.Endpoint
	for i := range 1000 {
		endpoints = append(endpoints, readyEndpoint(fmt.Sprint("endpoint-", i), fmt.Sprintf("10.2.%d.%d", i/250, i%250)))
	}
	api.create(t, outgrow, endpointSlice(outgrow, "east", endpoints...))
	r.waitOutput("the zones are too large .* there may be one only")
	v.refresh()
	server.eventually("what was published stays", func() error { return errors.Join(served(web.Spec.IPs[0]), own()) })
	if out := api.kubectl(t, "--namespace", "kube-system", "get", "configmaps"); strings.Contains(out, zonesConfigMap+"-") {
		t.Errorf("there are\n%s", out)
	}
}

// monitoringObjects are what deploy/monitoring adds to an overlay.
var monitoringObjects = []string{
	"servicemonitor/zonegen", "prometheusrule/zonegen", "service/zonegen-metrics", "configmap/zonegen-dashboard", "networkpolicy/zonegen-metrics",
}

// TestDeployMonitoring adds monitoring to each overlay: it goes where the Pods are, and finds them.
func TestDeployMonitoring(t *testing.T) {
	api := kubeadmCluster(t)
	if _, err := envtest.InstallCRDs(api.config, envtest.CRDInstallOptions{CRDs: operatorCRDs(), MaxTime: patience}); err != nil {
		t.Fatal(err)
	}
	for overlay, want := range map[string]struct {
		namespace   string
		deployments []string
	}{
		"sidecar":          {"dns", []string{"clusterset-dns"}},
		"configmap":        {"dns", []string{"clusterset-dns", "zonegen"}},
		"existing-coredns": {"kube-system", []string{"zonegen"}},
	} {
		t.Run(overlay, func(t *testing.T) {
			mine := newOverlay(t, fmt.Sprintf("resources: [../deploy/%s]\ncomponents: [../deploy/monitoring]\n", overlay))
			if out := api.kubectl(t, "apply", "--validate=strict", "-k", mine); strings.Contains(out, "arning") {
				t.Errorf("kubectl apply -k warns:\n%s", out)
			}
			var service corev1.Service
			if err := api.Get(t.Context(), client.ObjectKey{Namespace: want.namespace, Name: "zonegen-metrics"}, &service); err != nil {
				t.Fatal(err)
			}
			for _, name := range want.deployments {
				template := api.deployment(t, want.namespace, name).Spec.Template
				if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(template.Labels)) {
					t.Errorf("the Service of the metrics does not find the Pods of %s", name)
				}
			}
			// They go for the next overlay, and nothing is left of them elsewhere.
			api.kubectl(t, append([]string{"--namespace", want.namespace, "delete"}, monitoringObjects...)...)
			for _, object := range monitoringObjects {
				kind, name, _ := strings.Cut(object, "/")
				if out := api.kubectl(t, "get", kind, "--all-namespaces", "--field-selector", "metadata.name="+name); !strings.Contains(out, "No resources found") {
					t.Errorf("elsewhere there is\n%s", out)
				}
			}
		})
	}
}

// kubernetesIP is the address of the Service kubernetes, which the API server makes.
func (a *apiServer) kubernetesIP(t testing.TB) string {
	t.Helper()
	var service corev1.Service
	if err := a.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "kubernetes"}, &service); err != nil {
		t.Fatal(err)
	}
	return service.Spec.ClusterIP
}
