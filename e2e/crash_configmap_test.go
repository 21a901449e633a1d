package e2e

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// killConfigMap kills a zonegen that publishes into ConfigMaps.
func killConfigMap(t *testing.T, c *numbered, kills int) {
	t.Helper()
	namespace := c.api.newNamespace(t, "dns")
	c.readNamespaces(t)
	var mu sync.Mutex
	follower := newFollower(t, c, clusterset)
	reached := func(states [kinds]int) error {
		mu.Lock()
		defer mu.Unlock()
		return follower.isOf(states)
	}
	followed := make(chan error, 1)
	w := watchConfigMaps(t, c.api, namespace)
	go func() {
		followed <- chain(w, func(text string) error {
			mu.Lock()
			defer mu.Unlock()
			return follower.see([]byte(text), time.Now())
		})
	}()
	works, writes := make(happenings), watchConfigMaps(t, c.api, namespace)
	go func() {
		for range writes.ResultChan() {
			works.tell()
		}
	}()
	p := run(t, zonegen(t), "run", "--kubeconfig", c.kubeconfig, "--configmap", namespace+"/zones",
		"--min-interval", "20ms", "--configmap-min-interval", "50ms",
		"--configmap-shards", "64", // chunks stay for minutes after they were used last
		"--deletion-guard", "0", "--http", "")
	stop := c.keepWriting(t)
	var took []time.Duration
	phases := make(map[string]int)
	begun, states := time.Now(), c.now()
	l := &life{t: t, rng: c.rng, works: works, starting: 500 * time.Millisecond, wakes: func() {
		t.Helper()
		p.eventually("what was true at the start is published", func() error {
			select {
			case err := <-followed:
				t.Fatal(err)
			default:
			}
			return reached(states)
		})
		took = append(took, time.Since(begun))
	}}
	for range kills {
		l.wait()
		if len(took) > 0 {
			l.starting = median(took)
		}
		p.kill()
		phases[c.api.phase(t, namespace, p.output())]++
		if err := c.api.release(t.Context(), namespace); err != nil {
			t.Fatal(err)
		}
		begun, states = time.Now(), c.now()
		p.restart()
	}
	stop()
	p.eventually("the last state is published", func() error { return reached(c.now()) })
	c.isRendered(t, clusterset, string(follower.newest.text))
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	c.api.create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "end"}})
	if err := <-followed; err != nil {
		t.Error(err)
	}
	t.Logf("%d versions, at most %s old when they were seen", follower.seen, follower.lag.Round(time.Millisecond))
	t.Logf("kills: %v", phases)
	times(t, "from the start after a kill until all was published", took)
}

// phase is what a zonegen did that was killed, by what it has written and its log.
func (a *apiServer) phase(t testing.TB, namespace, log string) string {
	t.Helper()
	var list corev1.ConfigMapList
	if err := a.List(t.Context(), &list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	versions := make(map[bool]int) // the newest of the root, and of shards
	for _, cm := range list.Items {
		version, err := strconv.Atoi(cm.ResourceVersion)
		if err != nil {
			t.Fatal(err)
		}
		versions[cm.Name == "zones"] = max(versions[cm.Name == "zones"], version)
	}
	switch {
	case !strings.Contains(log, "msg=starting"):
		return atStart
	case !strings.Contains(log, "msg=leading"):
		return "before it led"
	case versions[false] > versions[true]:
		return "between chunks and the root"
	case !strings.Contains(log, "msg=published") && !strings.Contains(log, "msg=ready"):
		return amidStart
	}
	return otherwise
}

// release frees the Lease of a zonegen that was killed, so that nobody has to wait until its time is over.
func (a *apiServer) release(ctx context.Context, namespace string) error {
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "zones"}}
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error { // what it sent last may arrive meanwhile
		if err := a.Get(ctx, client.ObjectKeyFromObject(lease), lease); err != nil {
			return err
		}
		lease.Spec.HolderIdentity = new("")
		return a.Update(ctx, lease)
	})
	return client.IgnoreNotFound(err)
}
