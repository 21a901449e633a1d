package watch

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// A watch that tells nothing for long is begun anew, where it was; one that is not
// begun is a problem, and before that none to rely on.
func TestHangingWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		server := &apiServer{items: []discoveryv1.EndpointSlice{*testEndpointSlice("x", "1", "10.0.0.1")}}
		var l logs
		s, a, done := followSlices(ctx, &l, server)
		synctest.Wait()
		s.drain()
		for range 3 {
			pass(silence - time.Second)
			server.watches[0].Action(watch.Bookmark, testEndpointSlice("", "2", ""))
		}
		if len(server.watches) != 1 || !a.watch().Up {
			t.Fatalf("%d watches of a server that tells something, up %v", len(server.watches), a.watch().Up)
		}
		pass(silence + time.Second)
		if len(server.watches) != 2 || !server.watches[0].IsStopped() || server.watching.ResourceVersion != "2" || server.lists != 1 || !a.watch().Up {
			t.Fatalf("%d watches, the last from %s, %d lists", len(server.watches), server.watching.ResourceVersion, server.lists)
		}
		server.watches[1].Modify(testEndpointSlice("x", "3", "10.0.0.3"))
		synctest.Wait()
		wantChanges(t, s.drain(), "+a[][10.0.0.3]")

		server.set(func() { server.hangs = true })
		pass(silence + overdue - time.Second)
		if !a.watch().Up {
			t.Error("it is not up as soon as a watch is asked for")
		}
		pass(time.Second)
		if a.watch().Up || l.take() != "" {
			t.Error("it is up, or the log has something already")
		}
		pass(unanswered)
		if is := l.take(); !strings.Contains(is, "the watch was not answered within 30s") {
			t.Errorf("the log has %q", is)
		}
		pass(time.Hour)
		if a.watch().Up || a.watch().Problems["connection"] < 60 {
			t.Errorf("after an hour: %+v", a.watch())
		}
		server.set(func() { server.hangs = false })
		pass(time.Minute)
		if !a.watch().Up {
			t.Error("it is not up again")
		}
		cancel()
		<-done
	})
}

// Who is to catch up begins a short watch, without a list, and then goes on as before.
func TestHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		server := &apiServer{}
		s, a, done := followSlices(ctx, &logs{}, server)
		synctest.Wait()
		s.drain()
		a.hurry(7)
		pass(shortest)
		if len(server.watches) != 2 || !server.watches[0].IsStopped() || *server.watching.TimeoutSeconds != briefWatch || server.watching.ResourceVersion != "1" {
			t.Fatalf("%d watches, the last with %+v", len(server.watches), server.watching)
		}
		if r := server.refresh; r.ResourceVersion != "7" || r.ResourceVersionMatch != "NotOlderThan" || r.LabelSelector != "some-label" {
			t.Errorf("the server is to come to %+v", r)
		}
		pass(time.Second)
		server.watches[1].Action(watch.Bookmark, testEndpointSlice("", "7", ""))
		pass(2 * time.Second)
		server.watches[1].Stop()
		synctest.Wait()
		if len(server.watches) != 3 || *server.watching.TimeoutSeconds < 60 || server.watching.ResourceVersion != "7" || server.lists != 1 {
			t.Errorf("%d watches, the last with %+v, %d lists", len(server.watches), server.watching, server.lists)
		}
		wantChanges(t, s.drain(), "")
		cancel()
		<-done
	})
}

// A list that is streamed is not cut, which would only prolong it; until it is there,
// what is known may be old.
func TestHurryWhileListing(t *testing.T) {
	a, cuts := newTestAccess(&logs{}), 0
	a.wasListed()
	a.isWatched(func() { cuts++ }, true)
	a.hurry(7)
	if _, hurries := a.hurries(); hurries || cuts != 0 || a.watch().Up {
		t.Errorf("hurries %v, %d cuts, up %v", hurries, cuts, a.watch().Up)
	}
	a.wasListed()
	a.hurry(7)
	if version, _ := a.hurries(); version != "7" || cuts != 1 || !a.watch().Up {
		t.Errorf("to version %q, %d cuts, up %v", version, cuts, a.watch().Up)
	}
}
