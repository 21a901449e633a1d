package watch

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

func versionTooLarge() error {
	err := apierrors.NewTimeoutError("too large resource version", 1)
	err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: metav1.CauseTypeResourceVersionTooLarge}}
	return err
}

// apiServer is what a client of one kind sees of an API server.
type apiServer struct {
	mu       sync.Mutex
	err      error // of every request
	watchErr error // of watches
	items    []discoveryv1.EndpointSlice
	watches  []*watch.FakeWatcher
	lists    int
	selector string
	hangs    bool               // watches do not begin
	mute     bool               // no list is answered
	present  string             // the version of lists; empty: 1
	listing  metav1.ListOptions // the last one of objects
	refresh  metav1.ListOptions
	watching metav1.ListOptions // the last one
}

func (s *apiServer) List(ctx context.Context, opts metav1.ListOptions) (*discoveryv1.EndpointSliceList, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mute {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return nil, request(context.Cause(ctx))
	}
	if s.err != nil {
		return nil, s.err
	}
	list := &discoveryv1.EndpointSliceList{ListMeta: metav1.ListMeta{ResourceVersion: cmp.Or(s.present, "1")}}
	switch {
	case opts.FieldSelector != "":
		s.refresh = opts
	case opts.Limit != 1:
		s.lists++
		s.selector, s.listing = opts.LabelSelector, opts
		list.Items = slices.Clone(s.items)
	}
	return list, nil
}

func (s *apiServer) Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hangs {
		s.mu.Unlock()
		<-ctx.Done()
		s.mu.Lock()
		return nil, request(context.Cause(ctx))
	}
	switch {
	case s.err != nil:
		return nil, s.err
	case opts.SendInitialEvents != nil:
		return nil, apierrors.NewBadRequest("sendInitialEvents is not known here")
	case s.watchErr != nil:
		return nil, s.watchErr
	}
	s.watching = opts
	w := watch.NewFake()
	s.watches = append(s.watches, w)
	return w, nil
}

func (s *apiServer) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func testEndpointSlice(name, version, address string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: name, ResourceVersion: version,
			Labels: map[string]string{v1beta1.LabelServiceName: "a"},
		},
		Endpoints: []discoveryv1.Endpoint{{Addresses: []string{address}}},
	}
}

// followSlices runs follow for the slices of server, in a bubble, and returns
// the store, how the access stands, and a channel closed when follow returns.
func followSlices(ctx context.Context, l *logs, server *apiServer) (*store, *access, chan struct{}) {
	s, a, done := newTestStore(), newTestAccess(l), make(chan struct{})
	s.putImport(testImport("a"))
	go func() {
		defer close(done)
		follow(ctx, a, &discoveryv1.EndpointSlice{}, requests(server, "some-label", a), &feed[*sliceObject]{
			update: s.update, strip: stripSlice, put: s.putSlice, replace: s.replaceSlices, listed: a.wasListed,
			reach: func(string) {}, heard: a.hasHeard,
			drop: func(o *sliceObject) { s.dropSlice(o.id) },
		})
	}()
	return s, a, done
}

func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		server := &apiServer{err: request(syscall.ECONNREFUSED), items: []discoveryv1.EndpointSlice{*testEndpointSlice("x", "1", "10.0.0.1")}}
		var l logs
		s, a, done := followSlices(ctx, &l, server)
		synctest.Wait()
		if a.complete() || !strings.Contains(a.waiting(), "connection refused") {
			t.Errorf("without a server: %q", a.waiting())
		}
		pass(time.Hour)
		if got := strings.Count(l.take(), "\n"); got < 11 || got > 13 {
			t.Errorf("%d lines are logged in an hour without a server", got)
		}

		heard := time.Now()
		server.set(func() { server.err = nil })
		pass(7 * time.Second)
		if !a.complete() || server.selector != "some-label" {
			t.Errorf("not complete: %q; selector %q", a.waiting(), server.selector)
		}
		wantChanges(t, s.drain(), "+a[][10.0.0.1]")
		wantWatch := func(what string, up bool, lists int) {
			t.Helper()
			got := a.watch()
			if !got.Synced || got.Up != up || got.Lists != lists || got.Heard.Before(heard) {
				t.Errorf("%s: %+v, want up %v, %d lists, heard since %s", what, got, up, lists, heard)
			}
		}
		wantWatch("a list and a watch", true, 1)
		refusals := a.watch().Problems["connection"]
		if refusals < 600 || refusals > 800 {
			t.Errorf("%d problems are counted in an hour with an attempt every 5 seconds", refusals)
		}

		w := server.watches[0]
		pass(time.Minute)
		heard = time.Now()
		w.Action(watch.Bookmark, testEndpointSlice("", "2", "")) // nothing is new
		synctest.Wait()
		wantWatch("a bookmark", true, 1)
		wantChanges(t, s.drain(), "")
		pass(time.Minute)
		heard = time.Now()
		w.Modify(testEndpointSlice("x", "2", "10.0.0.1")) // only the version
		w.Add(testEndpointSlice("y", "3", "10.0.0.2"))
		synctest.Wait()
		wantChanges(t, s.drain(), "+a[][10.0.0.1][10.0.0.2]")
		wantWatch("events", true, 1)
		w.Delete(testEndpointSlice("x", "4", "10.0.0.1"))
		synctest.Wait()
		wantChanges(t, s.drain(), "+a[][10.0.0.2]")

		// The server goes away and comes back an hour later: the state stays, and the watch goes on.
		server.set(func() { server.err = request(syscall.ECONNREFUSED) })
		w.Stop()
		pass(time.Hour)
		wantChanges(t, s.drain(), "")
		wantWatch("without a server", false, 1)
		if n := a.watch().Problems["connection"]; n <= refusals {
			t.Errorf("%d problems are counted, as before", n)
		}
		server.set(func() { server.err = nil })
		pass(7 * time.Second)
		wantWatch("a watch again", true, 1)
		if server.lists != 1 {
			t.Errorf("%d lists", server.lists)
		}
		server.watches[1].Add(testEndpointSlice("z", "5", "10.0.0.3"))
		synctest.Wait()
		wantChanges(t, s.drain(), "+a[][10.0.0.2][10.0.0.3]")

		// The resource version is outdated: a new list, of which only differences are changes.
		server.set(func() {
			server.items = []discoveryv1.EndpointSlice{*testEndpointSlice("y", "9", "10.0.0.2"), *testEndpointSlice("z", "9", "10.0.0.4")}
		})
		server.watches[1].Error(&apierrors.NewResourceExpired("old").ErrStatus)
		pass(7 * time.Second)
		if server.lists != 2 {
			t.Errorf("%d lists", server.lists)
		}
		wantWatch("a new list", true, 2)
		wantChanges(t, s.drain(), "+a[][10.0.0.2][10.0.0.4]")

		cancel()
		<-done
	})
}

func TestFollowLeavesWhatIsNotServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &apiServer{items: []discoveryv1.EndpointSlice{*testEndpointSlice("x", "1", "10.0.0.1")}}
		var l logs
		s, _, done := followSlices(t.Context(), &l, server)
		synctest.Wait()
		s.drain()
		server.set(func() { server.err = apierrors.NewNotFound(endpointSlices, "") })
		server.watches[0].Stop()
		<-done
		wantChanges(t, s.drain(), "")
		if !strings.Contains(l.String(), "serves no endpointslices.discovery.k8s.io") {
			t.Errorf("logged: %s", l.String())
		}
	})
}

// Without the permission to watch, a list is not complete: nothing would keep it true.
func TestFollowNeedsToWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		server := &apiServer{watchErr: apierrors.NewForbidden(endpointSlices, "", errors.New("no"))}
		_, a, done := followSlices(ctx, &logs{}, server)
		pass(time.Minute)
		if a.complete() || !strings.Contains(a.waiting(), "forbidden to watch endpointslices") {
			t.Errorf("got %q", a.waiting())
		}
		server.set(func() { server.watchErr = nil })
		pass(7 * time.Second)
		if !a.complete() {
			t.Errorf("got %q", a.waiting())
		}
		cancel()
		<-done
	})
}

// Whatever it waits for, follow ends at once when its context does.
func TestFollowEndsAtOnce(t *testing.T) {
	for name, err := range map[string]error{
		"refused":   request(syscall.ECONNREFUSED),
		"too many":  apierrors.NewTooManyRequests("x", 60),
		"forbidden": apierrors.NewForbidden(endpointSlices, "", errors.New("no")),
		"watching":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				_, _, done := followSlices(ctx, &logs{}, &apiServer{err: err})
				pass(time.Minute)
				synctest.Wait()
				start := time.Now()
				cancel()
				<-done
				if took := time.Since(start); took != 0 {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// client-go may hand over what is stripped already, and things that are not ours.
func TestStrip(t *testing.T) {
	slice, err := stripSlice(testEndpointSlice("x", "1", "10.0.0.1"))
	if err != nil || slice.service != testKey("a") {
		t.Fatal(slice, err)
	}
	if again, err := stripSlice(slice); err != nil || again != slice {
		t.Errorf("not the same: %v, %v", again, err)
	}
	in, err := stripImport(&v1beta1.ServiceImport{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "a"}})
	if err != nil || in.key != testKey("a") {
		t.Fatal(in, err)
	}
	if again, err := stripImport(in); err != nil || again != in {
		t.Errorf("not the same: %v, %v", again, err)
	}
	name, err := stripNamespace(&metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "ns"}})
	if err != nil || name != "ns" {
		t.Fatal(name, err)
	}
	if again, err := stripNamespace(name); err != nil || again != name {
		t.Errorf("not the same: %v, %v", again, err)
	}
	for _, foreign := range []any{nil, 5, runtime.Object(&metav1.Status{})} {
		_, err1 := stripSlice(foreign)
		_, err2 := stripImport(foreign)
		_, err3 := stripNamespace(foreign)
		if err1 == nil || err2 == nil || err3 == nil {
			t.Errorf("%T is accepted", foreign)
		}
	}
}
