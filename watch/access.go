package watch

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// repeatAfter is how often the log repeats a problem that lasts.
const repeatAfter = 5 * time.Minute

// access is how we stand with one kind of object: whether it was listed and is
// being watched, and if not, why. Its methods may be called from anywhere.
type access struct {
	kind     string // as an operator knows it, "ServiceImports"
	resource schema.GroupResource
	host     string // the API server
	logger   *slog.Logger
	changed  func() // called when listed or watched has become true

	mu              sync.Mutex
	listed, watched bool
	problem         problem // the last one; zero when all is well
	since           time.Time
	logged          map[string]time.Time // when a class of problem was logged last
	heard           time.Time            // when the server last told us something
	asked           time.Time            // when something was asked for that is not answered yet
	listing         bool                 // a list is streamed
	cut             func(list time.Time) // ends the watch that was begun last, and has listed at that time
	listedAt        time.Time            // when the last list was complete
	hurried         hurry
	lists           int
	problems        map[string]int // how often there was one, by class
}

// fail notes a problem. The log gets it when it is new, and then once per
// [repeatAfter].
func (a *access) fail(p problem) {
	now := time.Now()
	a.mu.Lock()
	if a.problem == (problem{}) {
		a.since = now
	}
	if a.problems == nil {
		a.problems = map[string]int{}
	}
	a.problems[p.class]++
	a.problem = p
	last, known := a.logged[p.class]
	quiet := known && now.Sub(last) < repeatAfter
	message := "cannot watch the Kubernetes API, trying again"
	if a.listed {
		message = "cannot watch the Kubernetes API, the last known state stays, trying again"
	}
	if !quiet {
		if a.logged == nil {
			a.logged = map[string]time.Time{}
		}
		a.logged[p.class] = now
	}
	a.mu.Unlock()

	level := slog.LevelWarn
	if quiet {
		level = slog.LevelDebug
	}
	attrs := []slog.Attr{slog.String("resource", a.resource.String()), slog.String("problem", p.text)}
	if p.remedy != "" {
		attrs = append(attrs, slog.String("remedy", p.remedy))
	}
	a.logger.LogAttrs(context.Background(), level, message, attrs...)
}

// failed notes the error of a request.
func (a *access) failed(verb string, err error) {
	a.fail(explain(err, verb, a.resource, a.host))
}

// wasListed notes that the store holds everything there is.
func (a *access) wasListed() {
	a.mu.Lock()
	a.listed, a.listing, a.heard, a.listedAt = true, false, time.Now(), time.Now()
	a.hurried.anew, a.hurried.unsure = false, false
	a.lists++
	a.mu.Unlock()
	a.changed()
}

// hasHeard notes that the server has told us something, of that version.
func (a *access) hasHeard(version string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.heard = time.Now()
	if n, err := strconv.ParseUint(version, 10, 64); err == nil {
		a.hurried.reached(n)
	}
}

// asks notes that the server is asked for a list or a watch.
func (a *access) asks() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = time.Now()
}

// wasAnswered notes that it has answered, whatever it says.
func (a *access) wasAnswered() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = time.Time{}
}

// isWatched notes that the server has accepted a watch, which ends when cut is
// called: whatever problem there was is over. It may begin with a list.
func (a *access) isWatched(cut func(list time.Time), listing bool) {
	a.mu.Lock()
	over, since := a.problem, a.since
	a.watched, a.problem, a.logged, a.heard = true, problem{}, nil, time.Now()
	a.cut, a.listing = cut, listing
	a.mu.Unlock()
	if over != (problem{}) {
		a.logger.LogAttrs(context.Background(), slog.LevelInfo, "watching the Kubernetes API again",
			slog.String("resource", a.resource.String()),
			slog.Duration("after", time.Since(since).Round(time.Millisecond)))
	}
	a.changed()
}

// complete reports whether the first list is in the store and a watch follows
// it. A list alone would be a state that nothing keeps true.
func (a *access) complete() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.listed && a.watched
}

// waiting says in one line what keeps the kind from being complete; nothing if
// it is.
func (a *access) waiting() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.listed && a.watched:
		return ""
	case a.problem != (problem{}):
		return a.kind + ": " + a.problem.String()
	}
	return a.kind + ": waiting for the first list from " + a.host
}
