package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// TestReplicasLoss ends the leader when it has believed a loss and published it, while the other replica holds it back
// for longer: what is gone does not return. It is the same when that one sees the loss only after it has begun to lead.
func TestReplicasLoss(t *testing.T) {
	for name, late := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) { followsLoss(t, late) })
	}
}

func followsLoss(t *testing.T, late bool) {
	const holds = `msg="holding back a loss of services"`
	r := newReplicas(t, 1, "--configmap-min-interval", "0s", "--deletion-guard-hold", "10s")
	shop := r.api.newNamespace(t, "shop")
	for i := range guardedServices {
		r.api.create(t, clusterSetIPImport(shop, fmt.Sprintf("s%d", i), []string{fmt.Sprintf("10.200.0.%d", i+1)}))
	}
	inPlace := func(want int) error {
		text, err := r.zone(clusterset)
		if n := strings.Count(text, "."+shop+".svc."+clusterset+"\n"); err == nil && n != want {
			err = fmt.Errorf("%d services are published, want %d", n, want)
		}
		return err
	}
	leader := r.leader()
	leader.ready()
	other := r.join(r.api.kubeconfig(t), "--configmap-min-interval", "0s", "--deletion-guard-hold", "1h")
	other.ready()
	r.standsBy(other)
	eventually(t, "all services are published", func() error { return inPlace(guardedServices) })
	if late {
		other.signal(syscall.SIGSTOP)
	}
	if err := r.api.DeleteAllOf(t.Context(), new(mcsv1beta1.ServiceImport), client.InNamespace(shop)); err != nil {
		t.Fatal(err)
	}
	leader.waitOutput(`msg="a loss of services has lasted and is believed"`)
	eventually(t, "the loss is published", func() error { return inPlace(0) })
	if !late {
		other.waitOutput(holds)
	}
	leader.signal(syscall.SIGTERM)
	leader.wait()
	if late {
		other.signal(syscall.SIGCONT)
	}
	r.leader(leader)
	r.change()
	r.published()
	if err := inPlace(0); err != nil {
		t.Error(err)
	}
	other.waitOutput(holds)
	other.waitOutput(`msg="a loss of services is believed, since the last leader has published it"`)
	r.end()
}
