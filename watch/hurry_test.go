package watch

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

// hurried runs test with a watch of slices that is at version 1, and the access of it.
func hurried(t *testing.T, test func(server *apiServer, a *access, l *logs)) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		server, l := new(apiServer), new(logs)
		s, a, done := followSlices(ctx, l, server)
		synctest.Wait()
		s.drain()
		test(server, a, l)
		wantChanges(t, s.drain(), "")
		cancel()
		<-done
	})
}

// Who is to catch up begins a short watch, without a list, and then goes on as before.
func TestHurry(t *testing.T) {
	hurried(t, func(server *apiServer, a *access, _ *logs) {
		server.set(func() { server.present = "9" })
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
		if n := a.reachable(7); n != 7 {
			t.Errorf("%d can be reached", n)
		}
	})
}

// An API that was restored from a backup has not come to the version, and is not asked
// to. That counts for no other version.
func TestHurryRestored(t *testing.T) {
	hurried(t, func(server *apiServer, a *access, l *logs) {
		server.set(func() { server.present = "5" })
		if n := a.reachable(700); n != 700 {
			t.Errorf("%d can be reached, before the API is asked", n)
		}
		a.hurry(700)
		pass(shortest)
		if n := a.reachable(700); n != 5 || a.reachable(701) != 701 || a.reachable(4) != 4 {
			t.Errorf("%d can be reached", n)
		}
		if r := server.refresh; r.ResourceVersion != "5" || !a.watch().Up || l.take() != "" {
			t.Errorf("the server is to come to %+v; up: %v", r, a.watch().Up)
		}
		a.hurry(701)
		if n := a.reachable(701); n != 701 {
			t.Errorf("%d can be reached, before the API is asked", n)
		}
	})
}

// What a watch does not tell although the API has it, a list of the newest version does.
func TestHurryByList(t *testing.T) {
	hurried(t, func(server *apiServer, a *access, _ *logs) {
		server.set(func() { server.present = "9" })
		a.hurry(7)
		pass(5 * time.Second)
		a.hurry(7)
		pass(5 * time.Second)
		if server.lists != 2 || server.listing.ResourceVersion != "" || server.watching.ResourceVersion != "9" || !a.watch().Up {
			t.Errorf("%d lists, the last with %+v, and a watch with %+v; up: %v", server.lists, server.listing, server.watching, a.watch().Up)
		}
	})
}

// While the API does not say how far it has come, there is no relying on what is known
// of the kind; but it is watched.
func TestHurryUnanswered(t *testing.T) {
	hurried(t, func(server *apiServer, a *access, l *logs) {
		server.set(func() { server.mute = true })
		a.hurry(7)
		pass(shortest + overdue)
		if len(server.watches) != 2 || a.watch().Up {
			t.Errorf("%d watches, up: %v", len(server.watches), a.watch().Up)
		}
		for range 10 { // each is brief, and follows a question
			pass(3 * time.Second)
			server.watches[len(server.watches)-1].Stop()
			pass(overdue)
		}
		if len(server.watches) != 12 || a.watch().Up || a.reachable(7) != 7 || server.lists != 1 {
			t.Errorf("%d watches, up: %v, %d can be reached, %d lists", len(server.watches), a.watch().Up, a.reachable(7), server.lists)
		}
		if is := l.take(); strings.Count(is, "\n") != 1 || !strings.Contains(is, "cannot find out whether the state is as new") {
			t.Errorf("the log has %q", is)
		}
		server.set(func() { server.mute, server.present = false, "6" })
		server.watches[11].Stop()
		synctest.Wait()
		if !a.watch().Up || a.reachable(7) != 6 {
			t.Errorf("up: %v, %d can be reached", a.watch().Up, a.reachable(7))
		}

		server.set(func() { server.mute = true })
		a.hurry(8)
		pass(shortest + overdue)
		server.watches[len(server.watches)-1].Action(watch.Bookmark, testEndpointSlice("", "8", ""))
		synctest.Wait()
		if !a.watch().Up {
			t.Error("it has come to the version, but is not up")
		}
	})
}

// An answer that was on its way when another version was asked for says nothing about that:
// it may be older than the version.
func TestHurryAnswerToAnOlderQuestion(t *testing.T) {
	a := newTestAccess(&logs{})
	a.wasListed()
	a.isWatched(func(time.Time) {}, false)
	a.hurry(7)
	asked, _ := a.hurries()
	a.hurry(9)
	a.isAt(asked, 8)
	if n := a.reachable(9); n != 9 {
		t.Errorf("%d can be reached, before the API is asked", n)
	}
	if asked, _ = a.hurries(); asked != 9 {
		t.Errorf("%d is asked for", asked)
	}
	a.isAt(asked, 8)
	if n := a.reachable(9); n != 8 {
		t.Errorf("%d can be reached", n)
	}
}

// A list that is streamed is not cut, which would only prolong it; until it is there,
// what is known may be old.
func TestHurryWhileListing(t *testing.T) {
	a, cuts := newTestAccess(&logs{}), 0
	a.wasListed()
	a.isWatched(func(time.Time) { cuts++ }, true)
	a.hurry(7)
	if _, hurries := a.hurries(); hurries || cuts != 0 || a.watch().Up {
		t.Errorf("hurries %v, %d cuts, up %v", hurries, cuts, a.watch().Up)
	}
	a.wasListed()
	a.hurry(7)
	if version, _ := a.hurries(); version != 7 || cuts != 1 || !a.watch().Up {
		t.Errorf("to version %d, %d cuts, up %v", version, cuts, a.watch().Up)
	}
}

// For client-go, a watch that goes on from a streamed list begins with the end of that.
func TestCutAfterList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stream{began: time.Now()}
		var stopped time.Time
		s.stop = func() { stopped = time.Now() }
		pass(time.Minute)
		list := time.Now()
		s.cut(list)
		pass(time.Minute)
		if lasted := stopped.Sub(list); lasted != shortest {
			t.Errorf("it lasts %s", lasted)
		}
	})
}
