package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// readiness is what /readyz tells. It is safe for concurrent use.
type readiness struct {
	waiting func() []string // what the source waits for

	mu       sync.Mutex
	ready    bool
	failures []string // of the last publication
}

// published notes how the last publication went. The first one without failures
// makes ready, for good: when a later one fails, the files that are there are
// still those of a moment ago.
func (r *readiness) published(failures []string) (becameReady bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = failures
	becameReady = !r.ready && len(failures) == 0
	r.ready = r.ready || becameReady
	return becameReady
}

// ServeHTTP answers /readyz: 200 once all zones were published, else 503, with
// what is missing or fails.
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
	lines = append(lines, r.failures...)
	switch {
	case len(lines) > 0:
	case r.ready:
		lines = []string{"ok"}
	default:
		lines = []string{"waiting for the first publication"}
	}
	return r.ready, lines
}
