package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// faultyAPI is a zonegen behind a flaky way to an API server, with a name server, and a service to follow.
type faultyAPI struct {
	t      testing.TB
	api    *apiServer
	flaky  *flaky
	daemon *daemon
	port   int
	web    *mcsv1beta1.ServiceImport // at 10.1.0.n
	n      int
	still  *mcsv1beta1.ServiceImport // at 10.2.0.1, always
}

func newFaultyAPI(t testing.TB) *faultyAPI {
	t.Helper()
	f := &faultyAPI{t: t, api: privateAPI(t, "v1alpha1", "v1beta1"), n: 1}
	f.flaky = newFlaky(t, f.api)
	ns := f.api.newNamespace(t, "faults")
	f.web, f.still = clusterSetIPImport(ns, "web", []string{"10.1.0.1"}), clusterSetIPImport(ns, "still", []string{"10.2.0.1"})
	f.api.create(t, f.web, f.still)
	f.daemon = runZonegen(t, f.flaky.kubeconfig)
	return f
}

// serve waits until the services are served, and checks from then on that they are.
func (f *faultyAPI) serve() {
	f.t.Helper()
	f.daemon.ready()
	f.port = servers(f.t, f.daemon.zones, clusterset)["file"]
	f.arrives("the first state")
	allTheWhile(f.t, "what does not change is served", func() error { return answers(f.t, f.port, "still.faults."+svc, "A 10.2.0.1") })
}

// alter gives the service another address.
func (f *faultyAPI) alter() {
	f.t.Helper()
	f.n++
	f.api.modify(f.t, f.web, func() { f.web.Spec.IPs = []string{fmt.Sprintf("10.1.0.%d", f.n)} })
}

// arrives waits until the last address is served.
func (f *faultyAPI) arrives(what string) {
	f.t.Helper()
	start := time.Now()
	eventually(f.t, what, func() error { return answers(f.t, f.port, "web.faults."+svc, fmt.Sprintf("A 10.1.0.%d", f.n)) })
	f.t.Logf("%s: served after %s", what, time.Since(start).Round(time.Millisecond))
}

// relists are the lists of each kind since those counts; each of the kinds must be in them.
func (f *faultyAPI) relists(what string, before map[string]requestCounts, want func(lists int) bool) {
	f.t.Helper()
	now := f.flaky.requests()
	for _, kind := range []string{"serviceimports", "endpointslices", "namespaces"} {
		if n := now[kind].lists - before[kind].lists; !want(n) {
			f.t.Errorf("%s: %d lists of %s", what, n, kind)
		}
	}
}

func none(n int) bool      { return n == 0 }
func atMostOne(n int) bool { return n <= 1 }
func one(n int) bool       { return n == 1 }

// TestAPIStorm answers all requests with 429 and 5xx, in turn, after all watches have been cut: DNS goes on, zonegen
// asks no more than a few times a second, and when it is over, changes arrive without more than one list of each kind.
func TestAPIStorm(t *testing.T) {
	f := newFaultyAPI(t)
	f.serve()
	f.relists("at first", nil, one)
	for name, statuses := range map[string][]int{
		"429": {http.StatusTooManyRequests},
		"5xx": {http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout},
		"all": {http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable},
	} {
		before := f.flaky.requests()
		start := time.Now()
		f.flaky.storm(statuses...)
		f.alter()
		eventually(t, "requests of each kind are refused", func() error {
			now := f.flaky.requests()
			for kind, c := range now {
				if n := c.refused - before[kind].refused; n < 5 {
					return fmt.Errorf("%d for %s", n, kind)
				}
			}
			return nil
		})
		took := time.Since(start)
		for kind, c := range f.flaky.requests() {
			// A pause is half a second at least, and each attempt may be a streamed list and a plain one.
			if n, most := c.all-before[kind].all, 10+4*int(took.Seconds()); n > most {
				t.Errorf("%s: %d requests for %s in %s", name, n, kind, took)
			}
		}
		f.flaky.calm()
		f.arrives("after " + name)
		f.daemon.waitValue(`zonegen_watch_up{resource="endpointslices"}`, equals(1))
		f.relists("after "+name, before, atMostOne)
	}
}

// TestAPIWatchesEnd ends every watch after a few seconds, in the middle of whatever it says: changes arrive, and nothing
// is listed again.
func TestAPIWatchesEnd(t *testing.T) {
	f := newFaultyAPI(t)
	f.serve()
	before := f.flaky.requests()
	for kind := range before { // client-go lists again after less than a second in silence
		f.daemon.waitValue(fmt.Sprintf("zonegen_watch_last_event_timestamp_seconds{resource=%q}", kind), longAgo(3*time.Second))
	}
	f.flaky.change(func() { f.flaky.lifetime = 2 * time.Second })
	f.flaky.storm() // none: only the watches that are open end
	eventually(t, "each kind has been watched several times", func() error {
		f.alter()
		f.arrives("a change")
		for kind, c := range f.flaky.requests() {
			if n := c.watches - before[kind].watches; n < 3 {
				return fmt.Errorf("%s %d times", kind, n)
			}
		}
		return nil
	})
	f.relists("while watches end", before, none)
}

// TestAPISlow delays each request by more than a second, from the beginning.
func TestAPISlow(t *testing.T) {
	f := newFaultyAPI(t)
	f.flaky.change(func() { f.flaky.delay = 1500 * time.Millisecond })
	f.serve()
	f.alter()
	f.arrives("a change")
	f.flaky.storm()
	f.alter()
	f.arrives("a change after all watches were cut")
	f.relists("a slow API", nil, one)
}

// TestAPITooOld has the history go that zonegen's watches would go on from: while it is cut off, much changes, etcd is
// compacted, and the API server starts anew. Each kind is listed once more, and everything is as the API says.
func TestAPITooOld(t *testing.T) {
	f := newFaultyAPI(t)
	gone := clusterSetIPImport("faults", "gone", []string{"10.3.0.1"})
	f.api.create(t, gone)
	f.serve()
	eventually(t, "a service is served", func() error { return answers(t, f.port, "gone.faults."+svc, "A 10.3.0.1") })
	// Each watch brings something: client-go lists again after one that was short and silent.
	f.alter()
	f.arrives("a change")
	f.api.create(t, endpointSlice(f.web, "east", readyEndpoint("pod", "10.7.0.1")))
	eventually(t, "an endpoint is served", func() error { return answers(t, f.port, "pod.east.web.faults."+svc, "A 10.7.0.1") })
	f.api.newNamespace(t, "early")
	eventually(t, "a namespace is served", func() error { return answers(t, f.port, "early."+svc, "NODATA") })
	before := f.flaky.requests()
	f.flaky.storm(http.StatusServiceUnavailable)
	f.alter()
	f.api.remove(t, gone)
	fresh := clusterSetIPImport("faults", "fresh", []string{"10.3.0.2"})
	slice := endpointSlice(fresh, "east", readyEndpoint("", "10.7.0.1"))
	f.api.create(t, fresh, slice)
	f.api.remove(t, slice)
	f.api.deleteNamespace(t, f.api.newNamespace(t, "brief"))
	for range 200 { // more than the API server remembers of the kind
		f.alter()
		f.n %= 250
	}
	f.api.compact(t)
	f.api.stop(t)
	f.api.start(t)
	f.flaky.calm()
	f.arrives("after the compaction")
	eventually(t, "what was deleted is gone", func() error { return answers(t, f.port, "gone.faults."+svc, "NXDOMAIN") })
	eventually(t, "what is new is there", func() error { return answers(t, f.port, "fresh.faults."+svc, "A 10.3.0.2") })
	for _, kind := range []string{"serviceimports", "endpointslices", "namespaces"} {
		f.daemon.waitValue(fmt.Sprintf("zonegen_watch_up{resource=%q}", kind), equals(1))
	}
	f.relists("after the compaction", before, one)
}

// compact makes etcd forget all but the present.
func (a *apiServer) compact(t testing.TB) {
	t.Helper()
	post := func(path string, request, response any) {
		t.Helper()
		body, err := json.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.Post(a.env.ControlPlane.Etcd.URL.String()+path, "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		text, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s, error %v", path, r.Status, text, err)
		}
		if err := json.Unmarshal(text, response); err != nil {
			t.Fatal(err)
		}
	}
	var last struct{ Header struct{ Revision string } }
	post("/v3/kv/range", map[string]string{"key": base64.StdEncoding.EncodeToString([]byte("nothing"))}, &last)
	if strings.Trim(last.Header.Revision, "0123456789") != "" || last.Header.Revision == "" {
		t.Fatalf("etcd has come to revision %q", last.Header.Revision)
	}
	post("/v3/kv/compaction", map[string]any{"revision": last.Header.Revision, "physical": true}, new(struct{}))
}
