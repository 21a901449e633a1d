package e2e

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// happenings tells of something that happens in a folder, or elsewhere, to those who wait for it.
type happenings chan struct{}

func (h happenings) tell() {
	select {
	case h <- struct{}{}:
	default:
	}
}

// happeningsIn tells of those events in a folder.
func happeningsIn(t testing.TB, dir string, is func(fsnotify.Event) bool) happenings {
	t.Helper()
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		err = watcher.Add(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = watcher.Close() })
	h := make(happenings)
	go func() {
		for event := range watcher.Events {
			if is(event) {
				h.tell()
			}
		}
	}()
	return h
}

// life is a program that was started and is to be killed at a random moment. The moments are of four kinds, so that all that
// the program does is hit: soon after its start, while it works for the first time, at any time later, and while it works
// then.
type life struct {
	t        testing.TB
	rng      *rand.Rand
	works    happenings    // it begins to work
	starting time.Duration // what it takes to start, about
	wakes    func()        // waits until it has started
}

func (l *life) wait() {
	l.t.Helper()
	kind := l.rng.IntN(4)
	if kind == 0 {
		<-time.After(l.upTo(l.starting))
		return
	}
	if kind > 1 {
		l.wakes()
		<-time.After(l.upTo(200 * time.Millisecond))
	}
	if kind%2 == 1 {
		l.amid()
	}
}

func (l *life) upTo(d time.Duration) time.Duration { return time.Duration(l.rng.Int64N(int64(d) + 1)) }

// amid waits until it works, and then for 10 µs to 20 ms, each order of magnitude alike.
func (l *life) amid() {
	l.t.Helper()
	select {
	case <-l.works:
	case <-time.After(patience):
		l.t.Fatalf("it has done nothing for %s", patience)
	}
	start, pause := time.Now(), time.Duration(float64(10*time.Microsecond)*math.Pow(2000, l.rng.Float64()))
	if pause > 2*time.Millisecond {
		<-time.After(pause - time.Millisecond)
	}
	for time.Since(start) < pause { // a timer is not as exact
		runtime.Gosched()
	}
}
