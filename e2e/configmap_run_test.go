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

// TestConfigMapRunAccess withholds each permission on the Lease: the message names it, and granting it helps.
func TestConfigMapRunAccess(t *testing.T) {
	api := sharedAPI(t)
	lease := func(verb string) permission { return permission{verb, "coordination.k8s.io", "leases"} }
	var all []permission
	for _, verb := range []string{"get", "create", "patch", "delete"} {
		all = append(all, permission{verb, "", "configmaps"})
	}
	for _, verb := range []string{"get", "create", "update", "watch"} {
		all = append(all, lease(verb))
	}
	for _, missing := range []string{"get", "create", "update", "watch"} {
		t.Run(missing, func(t *testing.T) {
			namespace := api.newNamespace(t, "configmap-")
			user, port := "zonegen-"+namespace, freePort(t)
			var granted []permission
			for _, p := range all {
				if p != lease(missing) {
					granted = append(granted, p)
				}
			}
			if missing == "update" { // is wanted when there is a Lease
				api.create(t, &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "zones"}})
			}
			api.grant(t, user, granted...)
			d := &daemon{run(t, zonegen(t), "run", "-f", "../examples", "--kubeconfig", api.kubeconfigOf(t, user), "--configmap", namespace+"/zones",
				"--http", loopback(port)), "", fmt.Sprintf("http://127.0.0.1:%d", port)}
			remedy := "allow it to " + missing + " leases there: kubectl --namespace " + namespace + " create role zonegen-lease "
			if missing == "watch" {
				d.ready()
				d.waitOutput(`level=INFO msg="the Lease cannot be watched: .*` + remedy)
				return
			}
			d.notReady("no leader is known for configmap "+namespace+"/zones: "+missing+" lease "+namespace+"/zones: ", remedy)
			api.kubectl(t, "--namespace", namespace, "create", "role", "zonegen-lease", "--verb=get,create,update,watch", "--resource=leases.coordination.k8s.io")
			api.kubectl(t, "--namespace", namespace, "create", "rolebinding", "zonegen-lease", "--role=zonegen-lease", "--user="+user)
			d.ready()
		})
	}
}
