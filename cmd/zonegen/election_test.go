package main

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// elections are elections of several replicas by a Lease in memory. They live in a
// bubble of synctest.
type elections struct {
	t   *testing.T
	api *fake.Clientset
	log *records
	// mayWatch and mayUpdate say what is allowed.
	mayWatch, mayUpdate atomic.Bool

	hindrance atomic.Pointer[string] // of each one that stands

	updating sync.Mutex
	version  string // of the Lease
}

func inElections(t *testing.T, test func(e *elections)) {
	synctest.Test(t, func(t *testing.T) {
		e := &elections{t: t, api: fake.NewClientset(), log: new(records)}
		e.mayWatch.Store(true)
		e.hindrance.Store(new(string))
		e.mayUpdate.Store(true)
		forbidden := apierrors.NewForbidden(coordinationv1.Resource("leases"), "zones", errors.New(`User "zonegen" cannot update resource "leases" in API group "coordination.k8s.io" in the namespace "dns"`))
		e.api.PrependReactor("update", "leases", e.conflict)
		e.api.PrependReactor("update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) { return !e.mayUpdate.Load(), nil, forbidden })
		e.api.PrependWatchReactor("leases", func(clienttesting.Action) (bool, watch.Interface, error) { return !e.mayWatch.Load(), nil, forbidden })
		test(e)
	})
}

// conflict refuses an update of an older version, as the API does; a fake clientset
// does not by itself.
func (e *elections) conflict(action clienttesting.Action) (bool, runtime.Object, error) {
	e.updating.Lock()
	defer e.updating.Unlock()
	lease := action.(clienttesting.UpdateAction).GetObject().(*coordinationv1.Lease)
	if lease.ResourceVersion != e.version {
		return true, nil, apierrors.NewConflict(coordinationv1.Resource("leases"), lease.Name, errors.New("it was changed"))
	}
	e.version += "1"
	lease.ResourceVersion = e.version
	return false, nil, nil
}

func (e *elections) stand() *election {
	e.t.Helper()
	one, err := newElection(e.api.CoordinationV1(), e.api.CoordinationV1(), "dns", "zones", slog.New(e.log), func() string { return *e.hindrance.Load() })
	if err != nil {
		e.t.Fatal(err)
	}
	one.start()
	e.t.Cleanup(one.leave)
	return one
}

func (e *elections) lease() *coordinationv1.Lease {
	e.t.Helper()
	lease, err := e.api.CoordinationV1().Leases("dns").Get(e.t.Context(), "zones", metav1.GetOptions{})
	if err != nil {
		e.t.Fatal(err)
	}
	return lease
}

func pass(span time.Duration) {
	<-time.After(span)
	synctest.Wait()
}

// Who stands first leads. When it leaves, the next one leads at once; when it
// cannot renew the Lease, as soon as that is over.
func TestElection(t *testing.T) {
	inElections(t, func(e *elections) {
		first := e.stand()
		synctest.Wait()
		second := e.stand()
		pass(2 * time.Minute)
		if first.leading() == nil || second.leading() != nil {
			t.Fatal("the first does not lead, or not it alone")
		}
		if leader, problem := second.lock.state(); leader != first.lock.Identity() || problem != "" {
			t.Errorf("the second sees %q lead, with %q", leader, problem)
		}
		if err := first.confirm(t.Context()); err != nil {
			t.Error(err)
		}
		if err := second.confirm(t.Context()); !errors.Is(err, errNotLeading) {
			t.Errorf("error %v", err)
		}
		term := first.leading()
		first.leave()
		synctest.Wait()
		if first.leading() != nil || second.leading() == nil || term.Err() == nil {
			t.Error("the second does not follow at once")
		}
		first.leave() // once more does no harm

		third := e.stand()
		synctest.Wait()
		e.mayUpdate.Store(false)
		pass(time.Minute)
		if second.leading() != nil || third.leading() != nil {
			t.Error("somebody leads who cannot renew the Lease")
		}
		if _, problem := third.lock.state(); !strings.Contains(problem, "allow it to update leases there: kubectl --namespace dns create role") {
			t.Errorf("the problem is %q", problem)
		}
		e.mayUpdate.Store(true)
		pass(10 * time.Second)
		if (second.leading() == nil) == (third.leading() == nil) {
			t.Error("none leads, or both")
		}
	})
}

// A leader knows what serials those before it can have published, also when it has
// published itself before, and each later one counts from there.
func TestSerialOfLease(t *testing.T) {
	inElections(t, func(e *elections) {
		first := e.stand()
		pass(time.Minute)
		if serial := first.lock.possibleSerial(); serial != 0 {
			t.Errorf("the first one knows of serial %d", serial)
		}
		second := e.stand()
		synctest.Wait()
		now := uint32(time.Now().Unix())
		first.leave()
		synctest.Wait()
		if serial := second.lock.possibleSerial(); serial <= now || serial > now+serialMargin+1 {
			t.Errorf("at %d, serials end at %d", now, serial)
		}
		const ahead = 1_000_000_000
		second.lock.published(now + ahead)
		second.lock.published(now)
		pass(5 * time.Second)
		third := e.stand()
		synctest.Wait()
		second.leave()
		synctest.Wait()
		if serial := third.lock.possibleSerial(); serial <= now+ahead || serial > now+ahead+serialMargin+60 {
			t.Errorf("after serial %d, they end at %d", now+ahead, serial)
		}
	})
}

// Who is hindered stays leader, but does not become one, and says why.
func TestHindered(t *testing.T) {
	inElections(t, func(e *elections) {
		first := e.stand()
		synctest.Wait()
		second := e.stand()
		cause := "it knows nothing"
		e.hindrance.Store(&cause)
		pass(time.Minute)
		if first.leading() == nil {
			t.Error("a term ends")
		}
		if _, problem := second.lock.state(); problem != "" {
			t.Errorf("the problem is %q while there is a leader", problem)
		}
		first.leave()
		pass(time.Minute)
		if second.leading() != nil {
			t.Error("the second leads")
		}
		if _, problem := second.lock.state(); problem != cause {
			t.Errorf("the problem is %q", problem)
		}
		if n := len(e.log.times(slog.LevelWarn, "not taking the Lease, though nobody leads")); n != 1 {
			t.Errorf("%d warnings", n)
		}
		e.hindrance.Store(new(string))
		if _, problem := second.lock.state(); problem != "" {
			t.Errorf("the problem is %q", problem)
		}
		pass(5 * time.Second)
		if second.leading() == nil {
			t.Error("nobody leads")
		}
	})
}

// A term that is resigned ends, and the Lease is free for another one.
func TestResign(t *testing.T) {
	inElections(t, func(e *elections) {
		one := e.stand()
		synctest.Wait()
		term := one.leading()
		one.resign(term)
		synctest.Wait()
		if term.Err() == nil {
			t.Error("the term is not over")
		}
		pass(10 * time.Second)
		next := one.leading()
		if next == nil {
			t.Fatal("it does not stand again")
		}
		one.resign(term)
		synctest.Wait()
		if next.Err() != nil {
			t.Error("an older term ends the present one")
		}
	})
}

// Who was cut off, or stopped, gives up no Lease that has become another's meanwhile:
// client-go reads it anew at the end and takes it for its own.
func TestLeaseOfSuccessor(t *testing.T) {
	inElections(t, func(e *elections) {
		one := e.stand()
		synctest.Wait()
		lease, successor := e.lease(), "successor"
		lease.Spec.HolderIdentity = &successor
		if err := e.api.Tracker().Update(coordinationv1.SchemeGroupVersion.WithResource("leases"), lease, "dns"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := one.lock.Get(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := one.lock.Update(t.Context(), resourcelock.LeaderElectionRecord{}); !errors.Is(err, errNotLeading) {
			t.Errorf("error %v", err)
		}
		if is := holder(e.lease()); is != successor {
			t.Errorf("the Lease is %q's", is)
		}
	})
}

// Without the permission to watch, the election goes on, and the log says what it
// costs, once.
func TestUnwatched(t *testing.T) {
	inElections(t, func(e *elections) {
		e.mayWatch.Store(false)
		first := e.stand()
		synctest.Wait()
		second := e.stand()
		pass(2 * time.Minute)
		first.leave()
		pass(5 * time.Second)
		if second.leading() == nil {
			t.Error("nobody leads")
		}
		if n := len(e.log.times(slog.LevelInfo, "the Lease cannot be watched: when a leader ends, another one follows some seconds later")); n != 2 {
			t.Errorf("%d lines in the log, want one of each replica", n)
		}
	})
}
