package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// readiness is what /readyz tells. It is safe for concurrent use.
type readiness struct {
	waiting func() []string // what the source waits for
	unheard func() []string // the kinds of objects that the source does not hear of

	mu     sync.Mutex
	ready  bool
	places []placeReadiness
}

// placeReadiness is what is known of one place that zones go to.
type placeReadiness struct {
	done     bool     // all zones were published there, by this replica or another one
	failures []string // of the last publication
	notes    []string
}

// add makes readiness wait for one place more. The result notes how the last
// publication there went.
//
// The first one without failures in each of the places makes ready, for good: when
// a later one fails, what was published is still that of a moment ago. One by
// another replica counts, too: this one could take over. So does one that is held
// back: what is in place is whole, and was true.
func (r *readiness) add() (published func(o outcome, failures []string) (becameReady bool)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := len(r.places)
	r.places = append(r.places, placeReadiness{})
	return func(o outcome, failures []string) (becameReady bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		place := &r.places[i]
		if o.undecided != "" {
			failures = []string{o.undecided}
		}
		place.failures, place.notes, place.done = failures, nil, place.done || len(failures) == 0
		if o.standsBy != "" {
			place.notes = append(place.notes, o.standsBy)
		}
		if o.held != nil {
			place.notes = append(place.notes, o.held.String())
		}
		becameReady = !r.ready && !slices.ContainsFunc(r.places, func(p placeReadiness) bool { return !p.done })
		r.ready = r.ready || becameReady
		return becameReady
	}
}

// ServeHTTP answers /readyz: 200 once all zones were published, else 503, with
// what is missing or fails, who publishes if another replica does, what is held
// back, and what is not heard of.
func (r *readiness) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	ready, lines := r.tell()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintln(w, strings.Join(lines, "\n"))
}

func (r *readiness) tell() (ready bool, lines []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.ready {
		for _, line := range r.waiting() {
			lines = append(lines, "waiting for "+line)
		}
	}
	var notes []string
	if kinds := r.unheard(); r.ready && len(kinds) > 0 {
		notes = append(notes, "this one cannot watch "+strings.Join(kinds, ", ")+" and goes on with what it knows; see the log")
	}
	for _, p := range r.places {
		lines = append(lines, p.failures...)
		notes = append(notes, p.notes...)
	}
	switch {
	case len(lines) > 0:
	case r.ready:
		lines = []string{"ok"}
	default:
		lines = []string{"waiting for the first publication"}
	}
	return r.ready, append(lines, notes...)
}
