package e2e

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	clientwatch "k8s.io/client-go/tools/watch"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// replicas are zonegens that publish into one ConfigMap. What they publish has a counter, the address of a service, so
// that an older zone can be told from a newer one.
type replicas struct {
	t         testing.TB
	api       *apiServer
	namespace string
	web       *mcsv1beta1.ServiceImport
	count     uint32
	all       []*daemon
	seen      chan error // what follow returns
}

func newReplicas(t testing.TB, n int, args ...string) *replicas {
	t.Helper()
	r := &replicas{t: t, api: privateAPI(t, "v1alpha1", "v1beta1"), seen: make(chan error, 1)}
	r.namespace = r.api.newNamespace(t, "dns")
	r.web = clusterSetIPImport(r.namespace, "web", []string{counterAddress(0)})
	r.api.create(t, r.web)
	go func() { r.seen <- r.follow() }()
	kubeconfig := r.api.kubeconfig(t)
	for range n {
		r.join(kubeconfig, args...)
	}
	return r
}

// join starts one more replica.
func (r *replicas) join(kubeconfig string, args ...string) *daemon {
	r.t.Helper()
	port := freePort(r.t)
	args = append([]string{
		"run", "--kubeconfig", kubeconfig, "--configmap", r.namespace + "/zones", "--http", loopback(port),
	}, args...)
	d := &daemon{run(r.t, zonegen(r.t), args...), "", fmt.Sprintf("http://127.0.0.1:%d", port)}
	r.all = append(r.all, d)
	return d
}

func counterAddress(n uint32) string { return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255) }

var counterRecord = regexp.MustCompile(`\$ORIGIN web\..*\n@ 5 A 10\.(\d+)\.(\d+)\.(\d+)\n`)

// counterOf is the counter in a zone's text, -1 if it has none.
func counterOf(text string) int {
	m := counterRecord.FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	n := 0
	for _, digits := range m[1:] {
		octet, _ := strconv.Atoi(digits) // they are digits
		n = n<<8 | octet
	}
	return n
}

// follow reads every version of the ConfigMap until there is one called end: the serials must grow, and the counter may
// not go back. It goes on after an outage of the API server, with what there is then.
func (r *replicas) follow() error {
	clients, err := kubernetes.NewForConfig(r.api.config)
	if err != nil {
		return err
	}
	configMaps := cache.NewListWatchFromClient(clients.CoreV1().RESTClient(), "configmaps", r.namespace, fields.Everything())
	_, _, w, _ := clientwatch.NewIndexerInformerWatcherWithLogger(klog.Logger{}, configMaps, &corev1.ConfigMap{})
	defer w.Stop()
	newest, versions := -1, 0
	err = chain(w, func(text string) error {
		versions++
		n := counterOf(text)
		if n < newest {
			return fmt.Errorf("serial %d has the zone of change %d, after that of %d:\n%s", serialOf(text), n, newest, text)
		}
		newest = n
		return nil
	})
	r.t.Logf("%d versions of the zone were published", versions)
	return err
}

// change changes the service.
func (r *replicas) change() {
	r.t.Helper()
	r.count++
	r.api.modify(r.t, r.web, func() { r.web.Spec.IPs = []string{counterAddress(r.count)} })
}

// keepChanging changes the service every few milliseconds until stop is called.
func (r *replicas) keepChanging() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		next := time.NewTicker(10 * time.Millisecond)
		defer next.Stop()
		for {
			select {
			case <-next.C:
			case <-ctx.Done():
				return
			}
			r.count++
			r.web.Spec.IPs = []string{counterAddress(r.count)}
			if err := r.api.Update(r.t.Context(), r.web); err != nil {
				r.t.Error(err)
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// published waits until the newest change is.
func (r *replicas) published() {
	r.t.Helper()
	eventually(r.t, "the newest change is published", func() error {
		text, err := r.zone(clusterset)
		if err == nil && counterOf(text) != int(r.count) {
			err = fmt.Errorf("change %d is, of %d", counterOf(text), r.count)
		}
		return err
	})
}

// zone is what is published of a zone.
func (r *replicas) zone(origin string) (string, error) {
	var cm corev1.ConfigMap
	err := r.api.Get(r.t.Context(), client.ObjectKey{Namespace: r.namespace, Name: "zones"}, &cm)
	return cm.Data["db."+strings.TrimSuffix(origin, ".")], err
}

// holder is who has the Lease.
func (r *replicas) holder() (string, error) {
	var lease coordinationv1.Lease
	err := r.api.Get(r.t.Context(), client.ObjectKey{Namespace: r.namespace, Name: "zones"}, &lease)
	switch {
	case err != nil:
		return "", err
	case lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "":
		return "", errors.New("nobody has the Lease")
	}
	return *lease.Spec.HolderIdentity, nil
}

// leader waits until one replica leads that is not among those.
func (r *replicas) leader(not ...*daemon) (leads *daemon) {
	r.t.Helper()
	eventually(r.t, "one of the replicas leads", func() error {
		holder, err := r.holder()
		if err != nil {
			return err
		}
		for _, d := range r.all {
			if !slices.Contains(not, d) && strings.Contains(d.output(), "msg=leading lease="+r.namespace+"/zones identity="+holder+"\n") {
				leads = d
				return nil
			}
		}
		return fmt.Errorf("%s has the Lease", holder)
	})
	return leads
}

// standsBy waits until a replica says who leads in its place.
func (r *replicas) standsBy(d *daemon) {
	r.t.Helper()
	d.eventually("it stands by", func() error {
		holder, err := r.holder()
		if err != nil {
			return err
		}
		_, body, err := httpGet(d.http + "/readyz")
		if err == nil && !strings.Contains(body, fmt.Sprintf("configmap %s/zones is written by %s, which leads; this one stands by", r.namespace, holder)) {
			err = errors.New(body)
		}
		return err
	})
}

// end makes sure that the last zones are those of the cluster and that all versions before were as they should be.
func (r *replicas) end() {
	r.t.Helper()
	r.change()
	r.published()
	for _, origin := range allZones {
		eventually(r.t, "the last zone is that of the cluster", func() error {
			text, err := r.zone(origin)
			if err != nil {
				return err
			}
			render := run(r.t, zonegen(r.t), "render", strings.TrimSuffix(origin, "."), "--kubeconfig", r.api.kubeconfig(r.t), "--log-level", "error", "--serial", fmt.Sprint(serialOf(text)))
			if code := render.wait(); code != 0 {
				return fmt.Errorf("render exits with %d", code)
			}
			// The time of change is not part of the zone.
			if is := regexp.MustCompile(` ; changed .*`).ReplaceAllString(text, ""); is != render.output() {
				return fmt.Errorf("published:\n%s\nrendered:\n%s", is, render.output())
			}
			return nil
		})
	}
	r.api.create(r.t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: "end"}})
	if err := <-r.seen; err != nil {
		r.t.Error(err)
	}
}

// times logs how long something took.
func times(t testing.TB, what string, all []time.Duration) {
	t.Helper()
	slices.Sort(all)
	ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
	t.Logf("%s: least %s, median %s, most %s of %d", what, ms(all[0]), ms(all[len(all)/2]), ms(all[len(all)-1]), len(all))
}

// TestReplicasHandOver ends the leader 50 times as a rolling update does, while services change all the time: another one
// goes on at once, and never with a zone that is older than the last. Each replica coalesces changes in a phase of its own,
// so that which one is ahead is left to chance.
func TestReplicasHandOver(t *testing.T) {
	r := newReplicas(t, 2, "--configmap-min-interval", "0s")
	var took []time.Duration
	for range 50 {
		leader := r.leader()
		for _, d := range r.all {
			d.ready()
			if d != leader {
				r.standsBy(d)
			}
		}
		stop := r.keepChanging()
		leader.forget()
		leader.waitOutput(`msg=published zone=clusterset.local\.`)
		start := time.Now()
		leader.signal(syscall.SIGTERM)
		next := r.leader(leader)
		took = append(took, time.Since(start))
		next.waitOutput(`msg=published zone=clusterset.local\.`)
		stop()
		r.published()
		if code := leader.wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
		leader.restart()
	}
	times(t, "from SIGTERM to the next leader", took)
	r.end()
}

// TestReplicasCrash kills the leader, and stops it and lets it go on when another one has taken its place.
func TestReplicasCrash(t *testing.T) {
	r := newReplicas(t, 2, "--configmap-min-interval", "3s")
	leader := r.leader()
	for _, d := range r.all {
		d.ready()
	}
	var took []time.Duration
	for range 2 {
		start := time.Now()
		leader.kill()
		next := r.leader(leader)
		took = append(took, time.Since(start))
		r.change()
		r.published()
		leader.restart()
		r.standsBy(leader)
		leader = next
	}
	times(t, "from kill -9 to the next leader", took)

	took = nil
	for range 2 {
		// One change is published, the next waits for the interval and would be when the leader goes on.
		eventually(t, "a change waits", func() error {
			r.change()
			before, err := r.zone(clusterset)
			if err != nil {
				return err
			}
			if counterOf(before) == int(r.count) {
				return errors.New("it is published at once")
			}
			return nil
		})
		start := time.Now()
		leader.signal(syscall.SIGSTOP)
		next := r.leader(leader)
		took = append(took, time.Since(start))
		r.change()
		r.published()
		leader.forget()
		leader.signal(syscall.SIGCONT)
		leader.waitOutput(`msg="no longer leading"`)
		r.standsBy(leader)
		if holder, err := r.holder(); err != nil || !strings.Contains(next.output(), "identity="+holder+"\n") {
			t.Errorf("who was stopped has taken the Lease away from its successor: it is %q's, %v", holder, err)
		}
		r.change()
		r.published()
		leader = next
	}
	times(t, "from SIGSTOP to the next leader", took)
	r.end()
}

// TestReplicasConfigMapGone deletes the ConfigMap or one key of it when the serial is ahead of the clock, and has another
// replica write it again: the serial does not go back.
func TestReplicasConfigMapGone(t *testing.T) {
	for name, args := range map[string][]string{
		"all":     {"delete", "configmap", "zones"},
		"one key": {"patch", "configmap", "zones", "--type=json", "--patch", `[{"op": "remove", "path": "/data/db.clusterset.local"}]`},
	} {
		t.Run(name, func(t *testing.T) { losesConfigMap(t, args) })
	}
}

func losesConfigMap(t *testing.T, args []string) {
	r := newReplicas(t, 2, "--configmap-min-interval", "0s", "--min-interval", "10ms")
	for _, d := range r.all {
		d.ready()
	}
	leader := r.leader()
	for range 100 { // some 80 s ahead
		r.change()
		r.published()
	}
	before, err := r.zone(clusterset)
	if err != nil {
		t.Fatal(err)
	}
	leader.signal(syscall.SIGSTOP)
	r.api.kubectl(t, append([]string{"--namespace", r.namespace}, args...)...)
	leader.kill()
	r.leader(leader)
	if ahead := int64(serialOf(before)) - time.Now().Unix(); ahead <= 0 {
		t.Fatalf("the serial is not ahead of the clock: %d s", ahead)
	}
	r.end()
}

// TestReplicasLag ends the leader when the other replica has seen a change but still waits with it, for the tenth of
// --min-interval that the end of a burst takes: no older zone is published, and the newer one soon.
func TestReplicasLag(t *testing.T) {
	r := newReplicas(t, 1, "--configmap-min-interval", "0s")
	leader := r.leader()
	leader.ready()
	lags := r.join(r.api.kubeconfig(t), "--configmap-min-interval", "0s", "--min-interval", "50s")
	lags.ready()
	r.standsBy(lags)
	r.change()
	r.published()
	leader.signal(syscall.SIGTERM)
	lags.waitHTTP(lags.http+"/readyz", 200)
	lags.waitOutput(`msg="waiting for changes of which the last leader knew" .*: serviceimports"`)
	r.change()
	r.published()
	leader.wait()
	if strings.Contains(lags.output(), "publishing what may be older") {
		t.Error("it does not wait for what it will see")
	}
	r.end()
}

// TestReplicasDeaf ends the leader when the other replica cannot watch services any more: it does not take over with what
// it knew, but when it can watch again.
func TestReplicasDeaf(t *testing.T) {
	r := newReplicas(t, 1)
	leader := r.leader()
	leader.ready()
	allow := func() {
		r.api.kubectl(t, "create", "clusterrolebinding", "deaf-watches", "--clusterrole=deaf-watches", "--user=deaf")
	}
	r.api.kubectl(t, "create", "clusterrole", "deaf-watches", "--verb=list,watch",
		"--resource=serviceimports.multicluster.x-k8s.io,endpointslices.discovery.k8s.io,namespaces")
	allow()
	r.api.kubectl(t, "--namespace", r.namespace, "create", "role", "deaf-writes", "--verb=get,create,patch,delete,update,watch",
		"--resource=configmaps,leases.coordination.k8s.io")
	r.api.kubectl(t, "--namespace", r.namespace, "create", "rolebinding", "deaf-writes", "--role=deaf-writes", "--user=deaf")
	deaf := r.join(r.api.kubeconfigOf(t, "deaf"))
	deaf.ready()
	r.standsBy(deaf)
	r.api.kubectl(t, "delete", "clusterrolebinding", "deaf-watches")
	r.api.stop(t) // so that watches end
	r.api.start(t)
	for _, resource := range []string{"serviceimports", "endpointslices", "namespaces"} {
		deaf.waitOutput(`the last known state stays, trying again" resource=` + resource)
	}
	leader = r.leader(deaf)
	r.change()
	r.published()
	leader.signal(syscall.SIGTERM)
	const why = "this one does not take over while it cannot watch serviceimports, endpointslices, namespaces, and may know less than what is published"
	deaf.waitOutput(`msg="not taking the Lease, though nobody leads" .* cause="` + why)
	deaf.eventually("it says so", func() error {
		status, body, err := httpGet(deaf.http + "/readyz")
		if err == nil && (status != 200 || !strings.Contains(body, why)) {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
	r.published() // as before
	leader.wait()
	r.change()
	allow()
	r.published()
	r.end()
}

// TestReplicasOutage takes the API server away for less than the time of the Lease and for more, and has it hang: what
// is published stays, and goes on when the API server is back.
func TestReplicasOutage(t *testing.T) {
	r := newReplicas(t, 2, "--configmap-min-interval", "100ms")
	for _, d := range r.all {
		d.ready()
	}
	goesOn := func() {
		t.Helper()
		for range 5 {
			r.change()
			r.published()
		}
		leader := r.leader()
		for _, d := range r.all {
			if d != leader {
				r.standsBy(d)
			}
		}
	}
	endsTerm := func(d *daemon) {
		t.Helper()
		terms := strings.Count(d.output(), `msg="no longer leading"`)
		d.eventually("it gives up", func() error {
			if strings.Count(d.output(), `msg="no longer leading"`) == terms {
				return errors.New("it leads")
			}
			return nil
		})
		for _, d := range r.all {
			d.eventually("it says that nobody is known to lead, and stays ready", func() error {
				status, body, err := httpGet(d.http + "/readyz")
				if err == nil && (status != 200 || !strings.Contains(body, "no leader is known for configmap dns/zones: get lease dns/zones: ")) {
					err = fmt.Errorf("%d %s", status, body)
				}
				return err
			})
		}
	}
	goesOn()
	r.api.stop(t)
	r.api.start(t)
	goesOn()
	leader := r.leader()
	r.api.stop(t)
	endsTerm(leader)
	r.api.start(t)
	goesOn()
	leader = r.leader()
	r.api.freeze(t)
	endsTerm(leader)
	r.api.thaw(t)
	goesOn()
	r.end()
}
