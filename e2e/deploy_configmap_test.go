package e2e

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/publish"
)

// zonesConfigMap is the name of the ConfigMap of the manifests, and of the Lease.
const zonesConfigMap = "clusterset-zones"

// replica is a zonegen in a Pod of the Deployment zonegen.
type replica struct {
	*process
	pod  *corev1.Pod
	http string
}

// runReplica makes a Pod of the Deployment zonegen, and starts it.
func (a *apiServer) runReplica(t testing.TB, namespace string) *replica {
	t.Helper()
	address := loopback(freePort(t))
	v := a.volumes(t, a.newPod(t, namespace, "zonegen"))
	if token := hasToken(v.pod.Spec.Containers[0]); !token {
		t.Error("zonegen has no token for the API")
	}
	return &replica{v.runContainer("zonegen", "--http", address), v.pod, "http://" + address}
}

func (r *replica) ready() {
	r.t.Helper()
	r.waitHTTP(r.http+"/readyz", http.StatusOK)
}

// TestDeployConfigMap applies deploy/configmap and runs Pods of it: zonegen publishes with the rights of its service
// account, and stock CoreDNS serves the volume, also when the zones no longer fit into one ConfigMap. No right is too much.
func TestDeployConfigMap(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	api.deploy(t, "../deploy/configmap", "dns")
	shop := api.newNamespace(t, "shop")
	web := clusterSetIPImport(shop, "web", []string{"10.1.0.1"})
	api.create(t, web)

	api.waitsForZones(t)
	replicas := []*replica{api.runReplica(t, "dns"), api.runReplica(t, "dns")}
	for _, r := range replicas {
		r.ready()
	}
	server := api.runServer(t)
	if hasToken(server.volumes.pod.Spec.Containers[0]) {
		t.Error("CoreDNS has a token for the API")
	}
	api.refusesMore(t, server.volumes.pod)
	server.waitHTTP(server.health, http.StatusOK)
	server.waitHTTP(server.ready, http.StatusOK)
	served := func(address string) {
		t.Helper()
		server.eventually(address+" is served", func() error {
			server.volumes.refresh()
			return server.serves(address)
		})
	}
	served("10.1.0.1")
	api.modify(t, web, func() { web.Spec.IPs[0] = "10.1.0.2" })
	served("10.1.0.2")

	// The zones outgrow the ConfigMap.
	populate(t, api, synthetic.Small, 1).served(t, server)
	fits(t, server.volumes.pod, server.process)
	shards := 0
	var list corev1.ConfigMapList
	if err := api.List(t.Context(), &list, client.InNamespace("dns")); err != nil {
		t.Fatal(err)
	}
	for _, cm := range list.Items {
		if regexp.MustCompile("^" + zonesConfigMap + `-\d+$`).MatchString(cm.Name) {
			shards++
		}
	}
	if shards < 2 {
		t.Errorf("the zones are in %d ConfigMaps", shards)
	}

	// The leader leaves, and the other one goes on.
	leader := 0
	if strings.Contains(replicas[1].output(), "msg=leading ") {
		leader = 1
	}
	for _, r := range replicas {
		fits(t, r.pod, r.process)
	}
	if code := replicas[leader].stop(); code != 0 {
		t.Errorf("the leader ends with %d", code)
	}
	api.modify(t, web, func() { web.Spec.IPs[0] = "10.1.0.3" })
	served("10.1.0.3")
	replicas[1-leader].stop()

	rights := api.rights(t, "dns")
	for _, r := range rights {
		if r.role.GetNamespace() == "" {
			continue // TestDeploySidecar has those
		}
		t.Run("without "+r.String(), func(t *testing.T) {
			meta := metav1.ObjectMeta{Namespace: "dns", Name: zonesConfigMap}
			switch r.String() { // a right to create is needed for what is not there
			case "create configmaps":
				api.remove(t, &corev1.ConfigMap{ObjectMeta: meta})
			case "create leases":
				api.remove(t, &coordinationv1.Lease{ObjectMeta: meta})
			}
			api.revoke(t, r, "system:serviceaccount:dns:zonegen")
			d := api.runReplica(t, "dns")
			switch r.String() {
			case "watch leases":
				d.ready()
				d.waitOutput("the Lease cannot be watched: .* forbidden: .* cannot watch resource")
			case "delete configmaps": // needed when the zones have become smaller, see TestConfigMapLeastPrivilege
				d.ready()
			default:
				d.waitOutput(`forbidden: .*; allow it to ` + r.String() + ` there`)
				if status, text, err := httpGet(d.http + "/livez"); err != nil || status != http.StatusOK {
					t.Errorf("/livez: %d %s %v", status, text, err)
				}
			}
			if err := server.serves("10.1.0.3"); err != nil {
				t.Error(err)
			}
			d.stop()
		})
	}
	api.sameConfigMaps(t, api.deployment(t, "dns", "clusterset-dns"), publish.DefaultShards)
	if len(rights) != 16 {
		t.Errorf("%d rights are granted: %v", len(rights), rights)
	}
}

// waitsForZones checks that a kubelet starts no Pod of the name servers while the ConfigMap is there without zones, as it is
// for a moment. CoreDNS would be ready, and answer SERVFAIL.
func (a *apiServer) waitsForZones(t testing.TB) {
	t.Helper()
	a.create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: "dns", Name: zonesConfigMap, Annotations: map[string]string{publish.PartOfAnnotation: zonesConfigMap},
	}})
	pod := a.newPod(t, "dns", "clusterset-dns")
	i := slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == zonesConfigMap })
	v := &podVolumes{t: t, api: a, pod: pod}
	if _, err := v.payload(t.Context(), pod.Spec.Volumes[i]); err == nil || !strings.Contains(err.Error(), "has no key db.") {
		t.Errorf("without zones, the volume of the name servers: %v", err)
	}
}

// sameConfigMaps checks that a Deployment mounts the ConfigMaps that zonegen may write, which are those that it may need,
// and no others. All may be missing but a root whose zones are named.
func (a *apiServer) sameConfigMaps(t testing.TB, d *appsv1.Deployment, shards int) {
	t.Helper()
	want := []string{zonesConfigMap}
	for i := range shards {
		want = append(want, fmt.Sprintf("%s-%d", zonesConfigMap, i))
	}
	var mounted []string
	for _, volume := range d.Spec.Template.Spec.Volumes {
		if volume.Name != zonesConfigMap {
			continue
		}
		for _, source := range volume.Projected.Sources {
			mounted = append(mounted, source.ConfigMap.Name)
			optional := source.ConfigMap.Optional != nil && *source.ConfigMap.Optional
			if named := len(source.ConfigMap.Items) > 0; optional == named {
				t.Errorf("%s is optional: %t, names zones: %t", source.ConfigMap.Name, optional, named)
			}
		}
	}
	if !slices.Equal(mounted, want) {
		t.Errorf("the Deployment %s mounts %q, want %q", d.Name, mounted, want)
	}
	for _, name := range append(want, fmt.Sprintf("%s-%d", zonesConfigMap, shards), "other") {
		for _, verb := range []string{"get", "patch", "delete", "list", "update"} {
			mine := slices.Contains(want, name) && (verb == "get" || verb == "patch" || verb == "delete" && name != zonesConfigMap)
			of := client.ObjectKey{Namespace: d.Namespace, Name: name}
			if may, err := a.allowed(t.Context(), "system:serviceaccount:"+d.Namespace+":zonegen", verb, of, "", "configmaps"); err != nil || may != mine {
				t.Errorf("whether zonegen may %s %s: %t, %v", verb, of, may, err)
			}
		}
	}
}
