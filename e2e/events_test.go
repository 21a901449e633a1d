package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestEvents drops input of a ServiceImport: kubectl describe shows why. Then the same for a user who may not write
// Events: everything else works.
func TestEvents(t *testing.T) {
	api := sharedAPI(t)
	ns := api.newNamespace(t, "events-")
	bad := clusterSetIPImport(ns, "bad", []string{"not-an-ip\n$INCLUDE /etc/passwd", "10.1.0.1"}, importPort("http", corev1.ProtocolTCP, 80))
	api.create(t, bad)
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	d.eventually("the ServiceImport has an Event", func() error {
		var events corev1.EventList
		if err := api.List(t.Context(), &events, client.InNamespace(ns)); err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.Reason == "LeftOut" && e.InvolvedObject.UID == bad.UID && strings.Contains(e.Message, "spec.ips[0]") {
				return nil
			}
		}
		return fmt.Errorf("%d Events, none of it", len(events.Items))
	})
	if text := api.kubectl(t, "describe", "serviceimport", "-n", ns, "bad"); !strings.Contains(text, "LeftOut") {
		t.Errorf("kubectl describe does not show the Event:\n%s", text)
	}
	d.stop()

	api.kubectl(t, "create", "clusterrole", ns, "--verb=list,watch",
		"--resource=serviceimports.multicluster.x-k8s.io,endpointslices.discovery.k8s.io,namespaces")
	api.kubectl(t, "create", "clusterrolebinding", ns, "--clusterrole="+ns, "--user="+ns)
	d = runZonegen(t, api.kubeconfigOf(t, ns))
	d.ready()
	d.waitOutput("no Events are written")
	if text := readFile(t, d.file(clusterset)); !strings.Contains(text, "$ORIGIN bad."+ns+"."+svc+"\n@ 5 A 10.1.0.1\n") {
		t.Errorf("the rest of the service is not published:\n%s", text)
	}
}
