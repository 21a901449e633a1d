package e2e

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	waitsFor    = "waiting for changes of which the last leader knew"
	publishesIt = "publishing what may be older"
)

// TestReplicasQuiet kills a leader that has listed everything later than its successor has last heard of the kinds of
// which there is no news: the successor finds out that it knows all, and publishes before it would give up.
func TestReplicasQuiet(t *testing.T) {
	r := newReplicas(t, 1)
	successor := r.leader()
	successor.ready()
	r.published()
	// The API server tells after a second and then in a minute.
	successor.waitValue(`zonegen_watch_last_event_timestamp_seconds{resource="namespaces"}`, longAgo(4*time.Second))
	// Versions are those of the whole cluster: a list made after this is of a later one.
	r.api.create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "unrelated"}})
	leader := r.join(r.api.kubeconfig(t))
	leader.ready()
	r.standsBy(leader)
	successor.signal(syscall.SIGSTOP)
	r.leader(successor)
	successor.signal(syscall.SIGCONT)
	r.standsBy(successor)
	r.change()
	r.published()
	successor.forget()

	leader.kill()
	r.change()
	r.leader(leader)
	start := time.Now()
	r.published()
	t.Logf("from the begin of the term to what has changed meanwhile: %s", time.Since(start).Round(time.Millisecond))
	successor.waitOutput(waitsFor + `.*: .*namespaces`)
	if strings.Contains(successor.output(), publishesIt) {
		t.Error("it gives up")
	}
	r.end()
}

// TestReplicasHang ends the leader when the other replica's watches hang without an error: it begins new ones when it
// finds that it knows less than what is published. While those hang as well, it does not publish what it has.
func TestReplicasHang(t *testing.T) {
	r := newReplicas(t, 1)
	leader := r.leader()
	leader.ready()
	relay := newRelay(t, r.api)
	hangs := r.join(relay.kubeconfig)
	hangs.ready()
	r.standsBy(hangs)

	relay.hangOpen()
	r.change()
	r.published()
	leader.signal(syscall.SIGTERM)
	hangs.waitOutput(waitsFor + `.*: serviceimports`)
	r.change()
	r.published()
	leader.wait()

	leader.restart()
	leader.ready()
	r.standsBy(leader)
	hangs.signal(syscall.SIGTERM)
	r.leader(hangs)
	hangs.wait()
	hangs.restart()
	hangs.ready()
	r.standsBy(hangs)
	release := relay.hangNew()
	relay.hangOpen()
	r.change()
	r.published()
	leader.signal(syscall.SIGTERM)
	hangs.waitOutput(`msg=resigning .*may be newer: serviceimports`)
	const why = "this one does not take over while it cannot watch serviceimports"
	hangs.waitOutput(`msg="not taking the Lease, though nobody leads" .* cause="` + why)
	hangs.eventually("it says so", func() error {
		status, body, err := httpGet(hangs.http + "/readyz")
		if err == nil && (status != 200 || !strings.Contains(body, why)) {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
	leader.wait()
	release()
	r.change()
	r.published()
	if strings.Contains(hangs.output(), publishesIt) {
		t.Error("it publishes what is older")
	}
	r.end()
}

// TestReplicasRestored ends the leader when the ConfigMap is of a time that the API does not know, as after it was
// restored from a backup: the other replica finds out and goes on. While it cannot ask, it does not publish what it has.
func TestReplicasRestored(t *testing.T) {
	r := newReplicas(t, 1, "--configmap-min-interval", "0s")
	leader := r.leader()
	leader.ready()
	relay := newRelay(t, r.api)
	other := r.join(relay.kubeconfig, "--configmap-min-interval", "0s")
	other.ready()
	r.standsBy(other)
	r.change()
	r.published()
	r.api.kubectl(t, "--namespace", r.namespace, "annotate", "--overwrite", "configmap", "zones",
		"zonegen.clusterset-dns.github.io/position=endpointslices=900000 namespaces=900000 serviceimports=900000")
	release := relay.hangLists()
	leader.signal(syscall.SIGTERM)
	r.change() // else there is nothing to publish
	other.waitOutput(`msg="cannot find out whether the state is as new as what was published, trying again" .*resource=serviceimports`)
	other.waitOutput(`msg="not taking the Lease, though nobody leads" .* cause="this one does not take over while it cannot watch `)
	leader.wait()
	if strings.Contains(other.output(), publishesIt) {
		t.Error("it publishes what it has before it can ask")
	}
	release()
	other.waitOutput(publishesIt + ".* kinds=")
	for range 3 {
		start := time.Now()
		r.change()
		r.published()
		t.Logf("a change takes %s", time.Since(start).Round(time.Millisecond))
	}
	r.end()
}
