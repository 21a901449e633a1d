package watch

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
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

// A list that is not answered ends, and while it lasts the kind is none to rely on.
func TestHangingList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		server := &apiServer{}
		var l logs
		_, a, done := followSlices(ctx, &l, server)
		synctest.Wait()
		server.set(func() { server.mute = true })
		server.watches[0].Error(&apierrors.NewResourceExpired("old").ErrStatus)
		pass(time.Second + overdue)
		if a.watch().Up || l.take() != "" {
			t.Error("it is up, or the log has something already")
		}
		pass(listTimeout)
		if is := l.take(); !strings.Contains(is, "deadline exceeded") {
			t.Errorf("the log has %q", is)
		}
		server.set(func() { server.mute = false })
		pass(listTimeout + 10*time.Second)
		if !a.watch().Up || server.lists != 2 {
			t.Errorf("up: %v, %d lists", a.watch().Up, server.lists)
		}
		cancel()
		<-done
	})
}
