package e2e

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterset-dns/zonegen/publish"
)

// notReady waits until /readyz says that it is not, and all of these words.
func (d *daemon) notReady(words ...string) {
	d.t.Helper()
	d.eventually(fmt.Sprintf("/readyz says %q", words), func() error {
		status, body, err := httpGet(d.http + "/readyz")
		if err != nil {
			return err
		}
		for _, word := range words {
			if status != 503 || !strings.Contains(body, word) {
				return fmt.Errorf("%d %s", status, body)
			}
		}
		return nil
	})
}

// TestConfigMapRun publishes into a folder and a ConfigMap, which first is in the way and then is handed over. The
// serial goes on from the last one, over restarts.
func TestConfigMapRun(t *testing.T) {
	api := sharedAPI(t)
	namespace := api.newNamespace(t, "configmap-")
	foreign := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "zones"},
		Data:       map[string]string{"Corefile": "."},
	}
	api.create(t, foreign)
	d := runZonegen(t, api.kubeconfig(t), "--configmap", namespace+"/zones", "--no-reverse")
	d.notReady("configmap "+namespace+"/zones is there and not of this zonegen, so it is left alone", "kubectl --namespace "+namespace+" annotate")
	eventually(t, "the folder does not wait for the ConfigMap", func() error {
		_, err := os.Stat(d.file(clusterset))
		return err
	})
	api.kubectl(t, "--namespace", namespace, "annotate", "--overwrite", "configmap", "zones", publish.PartOfAnnotation+"=zones")
	d.ready()
	both := func() string {
		t.Helper()
		text := ""
		eventually(t, "file and ConfigMap have the same zone", func() error {
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(foreign), foreign); err != nil {
				return err
			}
			text = foreign.Data["db.clusterset.local"]
			serials := regexp.MustCompile(` SOA .*|serial .*`) // each has its own
			if file := readFile(t, d.file(clusterset)); serials.ReplaceAllString(file, "") != serials.ReplaceAllString(text, "") {
				return fmt.Errorf("file:\n%s\nConfigMap:\n%s", file, text)
			}
			return nil
		})
		return text
	}
	both()
	if foreign.Data["Corefile"] != "." {
		t.Errorf("the other key is gone: %q", foreign.Data)
	}
	metrics := d.waitHTTP(d.http+"/metrics", 200)
	for _, line := range []string{`zonegen_publisher_active{publisher="configmap"} 1`, `zonegen_publisher_active{publisher="folder"} 1`, `zonegen_zone_serial{publisher="configmap",zone="clusterset.local."} `} {
		if !strings.Contains(metrics, "\n"+line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	d.stop()

	// Of another time, as if the clock had gone back since.
	const late = 2_800_000_000
	text := foreign.Data["db.clusterset.local"]
	text = strings.ReplaceAll(text, fmt.Sprint(serialOf(text)), fmt.Sprint(late))
	api.modify(t, foreign, func() { foreign.Data["db.clusterset.local"] = text })
	d.restart()
	d.ready()
	if is := serialOf(both()); is != late {
		t.Errorf("serial %d without a change, want %d", is, late)
	}
	api.create(t, clusterSetIPImport(namespace, "web", []string{"10.1.0.1"}))
	eventually(t, "the service is published", func() error {
		if !strings.Contains(both(), "$ORIGIN web."+namespace+"."+svc) {
			return errors.New("it is not there")
		}
		return nil
	})
	if is := serialOf(both()); is != late+1 {
		t.Errorf("serial %d after a change, want %d", is, late+1)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// TestConfigMapRunManifests publishes manifests into a namespace that is not there at first.
func TestConfigMapRunManifests(t *testing.T) {
	api := sharedAPI(t)
	const namespace = "configmap-late"
	port := freePort(t)
	d := &daemon{run(t, zonegen(t), "run", "-f", "../examples", "--kubeconfig", api.kubeconfig(t), "--configmap", namespace+"/zones",
		"--http", loopback(port)), "", fmt.Sprintf("http://127.0.0.1:%d", port)}
	d.notReady("no leader is known for configmap configmap-late/zones: create lease configmap-late/zones: ", "; create the namespace: kubectl create namespace configmap-late")
	d.waitOutput(`msg="the election of a leader fails; trying again" lease=configmap-late/zones error=.*kubectl create namespace`)
	api.newNamespace(t, namespace)
	d.ready()
	var cm corev1.ConfigMap
	if err := api.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: "zones"}, &cm); err != nil {
		t.Fatal(err)
	}
	if len(cm.Data) != len(allZones) {
		t.Errorf("it has %d keys", len(cm.Data))
	}
}

// grantAsDocumented runs the commands of the README for ConfigMaps, but for one right. It returns a kubeconfig of the
// service account.
func (a *apiServer) grantAsDocumented(t testing.TB, missing, of string) (kubeconfig, namespace string) {
	t.Helper()
	namespace = a.newNamespace(t, "configmap-")
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "zonegen"}}
	a.create(t, account)
	lines := regexp.MustCompile(`(?m)^kubectl --namespace dns create role.*$`).FindAllString(readFile(t, "../README.md"), -1)
	if len(lines) != 4 {
		t.Fatalf("the README has %q", lines)
	}
	for _, line := range lines {
		line = strings.ReplaceAll(line, "=dns:", "="+namespace+":")
		line = strings.Replace(line, "--namespace dns", "--namespace "+namespace, 1)
		if strings.Contains(line, " zonegen-"+of+" ") {
			line = strings.NewReplacer("="+missing+",", "=", ","+missing+",", ",", ","+missing+" ", " ").Replace(line)
		}
		a.kubectl(t, strings.Fields(line)[1:]...)
	}
	return a.withUser(t, clientcmdapi.AuthInfo{Token: a.token(t, account)}), namespace
}

// runManifests publishes the examples into the ConfigMap zones.
func runManifests(t testing.TB, kubeconfig, namespace string) *daemon {
	t.Helper()
	port := freePort(t)
	return &daemon{run(t, zonegen(t), "run", "-f", "../examples", "--kubeconfig", kubeconfig, "--configmap", namespace+"/zones",
		"--http", loopback(port)), t.TempDir(), fmt.Sprintf("http://127.0.0.1:%d", port)}
}

// TestConfigMapRunAccess withholds one of the rights that the README grants: the message names it, and what it says helps.
func TestConfigMapRunAccess(t *testing.T) {
	api := sharedAPI(t)
	for of, verbs := range map[string][]string{"leases": {"get", "create", "update", "watch"}, "configmaps": {"get", "create", "patch"}} {
		for _, missing := range verbs {
			t.Run(missing+" "+of, func(t *testing.T) {
				kubeconfig, namespace := api.grantAsDocumented(t, missing, of)
				if missing == "update" { // is wanted when there is a Lease
					api.create(t, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "zones"}})
				}
				d := runManifests(t, kubeconfig, namespace)
				says := "allow it to " + missing + " " + of + " there: kubectl --namespace " + namespace + " create role zonegen-" + of + " "
				if missing == "watch" {
					d.ready()
					d.waitOutput(`level=INFO msg="the Lease cannot be watched: .*` + says)
					api.follow(t, d.output())
				} else {
					api.follow(t, d.waitsFor(missing+" "+strings.TrimSuffix(of, "s")+" "+namespace+"/zones: .*; "+says))
					d.ready()
				}
				user := "system:serviceaccount:" + namespace + ":zonegen"
				group := map[string]string{"leases": "coordination.k8s.io"}[of]
				eventually(t, "the right is there", func() error {
					may, err := api.allowed(t.Context(), user, missing, client.ObjectKey{Namespace: namespace, Name: "zones"}, group, of)
					if err == nil && !may {
						err = errors.New("it is not")
					}
					return err
				})
			})
		}
	}
}

// TestConfigMapRunNoAccess begins without any right, and does what the messages say until it is ready. Nothing is granted
// for other objects but to create them.
func TestConfigMapRunNoAccess(t *testing.T) {
	api := sharedAPI(t)
	namespace := api.newNamespace(t, "configmap-")
	d := runManifests(t, api.kubeconfigOf(t, "joe@example.org"), namespace)
	for _, right := range []string{"get leases", "create leases", "get configmaps", "create configmaps"} {
		api.follow(t, d.waitsFor("allow it to "+right+" there: "))
	}
	d.ready()
	for of, group := range map[string]string{"leases": "coordination.k8s.io", "configmaps": ""} {
		for _, verb := range []string{"get", "update", "patch", "delete", "list"} {
			for _, name := range []string{"others", "zones-16", ""} {
				may, err := api.allowed(t.Context(), "joe@example.org", verb, client.ObjectKey{Namespace: namespace, Name: name}, group, of)
				if err != nil || may {
					t.Errorf("it may %s %s %q: %t, %v", verb, of, name, may, err)
				}
			}
		}
	}
}
