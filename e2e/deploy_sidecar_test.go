package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
)

// deployedServer is CoreDNS in a Pod of a Deployment clusterset-dns, with the Corefile of the manifests.
type deployedServer struct {
	*process
	volumes *podVolumes
	dns     int
	health  string // URLs
	ready   string
	metrics string
}

// runServer makes a Pod of the Deployment clusterset-dns, and starts its CoreDNS.
func (a *apiServer) runServer(t testing.TB) *deployedServer {
	t.Helper()
	s := &deployedServer{dns: freePort(t)}
	ports := []string{":1053", fmt.Sprint(":", s.dns)}
	for old, url := range map[string]*string{":8080": &s.health, ":8181": &s.ready, ":9153": &s.metrics} {
		address := loopback(freePort(t))
		ports = append(ports, old, address)
		*url = "http://" + address
	}
	s.health, s.ready, s.metrics = s.health+"/health", s.ready+"/ready", s.metrics+"/metrics"
	s.volumes = a.volumes(t, a.newPod(t, "dns", "clusterset-dns"), ports...)
	s.process = s.volumes.runContainer("coredns")
	return s
}

// serves returns nil if the service web in the namespace shop is served with just this address.
func (s *deployedServer) serves(address string) error {
	return errors.Join(
		answers(s.t, s.dns, "web.shop."+svc, "A "+address),
		answers(s.t, s.dns, "-x "+address, "PTR web.shop."+svc),
	)
}

// hasToken reports whether a container of a Pod has a token for the API.
func hasToken(c corev1.Container) bool {
	for _, mount := range c.VolumeMounts {
		if strings.HasPrefix(mount.MountPath, "/var/run/secrets/kubernetes.io/") {
			return true
		}
	}
	return false
}

// TestDeploySidecar applies deploy/sidecar and runs a Pod of it: CoreDNS serves what zonegen writes with the rights of its
// service account, none of which is too many.
func TestDeploySidecar(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	api.deploy(t, "../deploy/sidecar", "dns")
	web := clusterSetIPImport(api.newNamespace(t, "shop"), "web", []string{"10.1.0.1", "no address"})
	api.create(t, web)

	server := api.runServer(t)
	server.waitHTTP(server.health, http.StatusOK)
	server.waitHTTP(server.ready, http.StatusServiceUnavailable) // there are no zones
	if hasToken(server.volumes.pod.Spec.Containers[0]) {
		t.Error("CoreDNS has a token for the API")
	}
	api.refusesMore(t, server.volumes.pod)
	start := func(t testing.TB, env ...string) *daemon {
		v, address := *server.volumes, loopback(freePort(t))
		v.t, v.env = t, env
		return &daemon{v.runContainer("zonegen", "--http", address), v.folder("zones"), "http://" + address}
	}

	d := start(t)
	d.ready()
	server.waitHTTP(server.ready, http.StatusOK)
	server.eventually("the service is served", func() error { return server.serves("10.1.0.1") })
	api.modify(t, web, func() { web.Spec.IPs[0] = "10.1.0.2" })
	eventually(t, "the change is served", func() error { return server.serves("10.1.0.2") })
	eventually(t, "the ServiceImport has an Event", func() error {
		var events corev1.EventList
		if err := api.List(t.Context(), &events, client.InNamespace("shop")); err != nil {
			return err
		}
		if len(events.Items) == 0 {
			return errors.New("there are none")
		}
		return nil
	})
	populate(t, api, synthetic.Small, 1).served(t, server)
	fits(t, server.volumes.pod, server.process)
	fits(t, server.volumes.pod, d.process)
	d.checkAll()
	if code := d.stop(); code != 0 {
		t.Errorf("zonegen ends with %d", code)
	}

	rights := api.rights(t, "dns")
	for _, r := range rights {
		t.Run("without "+r.String(), func(t *testing.T) {
			api.revoke(t, r, "system:serviceaccount:dns:zonegen")
			if r.resource == "events" { // all else works
				d := start(t)
				d.ready()
				d.waitOutput("no Events are written on ServiceImports.* is forbidden to " + r.String() + " ")
			} else { // the last zone stays
				before := readFile(t, d.file(clusterset))
				d := start(t, "KUBE_FEATURE_WatchListClient=false") // with it, watch is enough to list
				d.eventually("/readyz says what is missing", func() error {
					status, text, err := httpGet(d.http + "/readyz")
					if err == nil && (status != http.StatusServiceUnavailable || !strings.Contains(text, "is forbidden to "+r.String())) {
						err = fmt.Errorf("%d %s", status, text)
					}
					return err
				})
				if readFile(t, d.file(clusterset)) != before {
					t.Error("a zone was written")
				}
			}
			if err := server.serves("10.1.0.2"); err != nil {
				t.Error(err)
			}
		})
	}
	if len(rights) != 8 { // three kinds to list and watch, Events to create and patch
		t.Errorf("%d rights are granted: %v", len(rights), rights)
	}
}

// served waits until a server has the clusterset.
func (p *population) served(t testing.TB, server *deployedServer) {
	t.Helper()
	server.eventually("the clusterset is served", func() error {
		server.volumes.refresh()
		for _, want := range p.present() {
			if err := answers(t, server.dns, want.name, "A "+want.address); err != nil {
				return err
			}
		}
		return nil
	})
}

// fits checks that the manifests grant a container the memory that it has, and not a multiple of it. They are made for
// a clusterset of 1,000 services and 10,000 endpoints.
func fits(t testing.TB, pod *corev1.Pod, p *process) {
	t.Helper()
	resident, peak := p.memory(t)
	for _, c := range pod.Spec.Containers {
		if c.Name != p.name {
			continue
		}
		request, limit := c.Resources.Requests.Memory().AsApproximateFloat64(), c.Resources.Limits.Memory().AsApproximateFloat64()
		t.Logf("%s has %.0f MB, and has had %.0f; the manifests request %.0f and limit it to %.0f", c.Name, resident/1e6, peak/1e6, request/1e6, limit/1e6)
		if resident > request || request > 3*resident {
			t.Errorf("%s has %.0f MB, and the manifests request %.0f", c.Name, resident/1e6, request/1e6)
		}
		if limit < 2*peak {
			t.Errorf("%s has had %.0f MB, and the manifests limit it to %.0f", c.Name, peak/1e6, limit/1e6)
		}
		return
	}
	t.Errorf("the Pod has no container %s", p.name)
}

// refusesMore checks that the namespace takes no Pod that can do more than this one, which it took.
func (a *apiServer) refusesMore(t testing.TB, accepted *corev1.Pod) {
	t.Helper()
	for what, spoil := range map[string]func(*corev1.Pod){
		"root":       func(p *corev1.Pod) { p.Spec.SecurityContext.RunAsNonRoot = nil },
		"privileges": func(p *corev1.Pod) { p.Spec.Containers[0].SecurityContext.AllowPrivilegeEscalation = nil },
		"seccomp":    func(p *corev1.Pod) { p.Spec.SecurityContext.SeccompProfile = nil },
		"a capability": func(p *corev1.Pod) {
			p.Spec.Containers[0].SecurityContext.Capabilities.Add = []corev1.Capability{"NET_ADMIN"}
		},
	} {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: accepted.Namespace, GenerateName: "more-"}, Spec: *accepted.Spec.DeepCopy()}
		spoil(pod)
		if err := a.Create(t.Context(), pod); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "PodSecurity") {
			t.Errorf("a Pod with %s: %v", what, err)
		}
	}
}
