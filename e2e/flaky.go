package e2e

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"
)

// flaky stands between a zonegen and the API server, and lets requests fail. It counts those for what zonegen watches.
type flaky struct {
	kubeconfig string // of an administrator who comes this way

	mu       sync.Mutex
	statuses []int         // of requests, one after the other; none: they go through
	delay    time.Duration // before each request
	lifetime time.Duration // of watches; 0: as long as it takes
	cut      context.CancelFunc
	open     context.Context // done when open watches are cut
	counts   map[string]*requestCounts
}

// requestCounts counts requests for one kind.
type requestCounts struct {
	all     int
	refused int
	lists   int // that were answered, at once or as the beginning of a watch
	watches int // that were answered
}

func newFlaky(t testing.TB, a *apiServer) *flaky {
	t.Helper()
	f := &flaky{counts: make(map[string]*requestCounts)}
	f.open, f.cut = context.WithCancel(context.Background())
	f.kubeconfig = newProxy(t, a, f.answered, func(pass http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, request *http.Request) { f.serve(w, request, pass) }
	})
	return f
}

func (f *flaky) serve(w http.ResponseWriter, request *http.Request, pass http.Handler) {
	f.mu.Lock()
	status, delay, lifetime, open := 0, f.delay, f.lifetime, f.open
	if len(f.statuses) > 0 {
		status = f.statuses[0]
		f.statuses = append(f.statuses[1:], status)
	}
	if c := f.countsOf(request); c != nil {
		c.all++
		if status != 0 {
			c.refused++
		}
	}
	f.mu.Unlock()

	ctx, cancel := context.WithCancel(request.Context())
	defer cancel()
	if isWatch(request) {
		defer context.AfterFunc(open, cancel)()
		if lifetime > 0 {
			defer time.AfterFunc(lifetime, cancel).Stop()
		}
	}
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
	if status != 0 {
		if status == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "1")
		}
		http.Error(w, http.StatusText(status), status)
		return
	}
	pass.ServeHTTP(w, request.WithContext(ctx))
}

// answered counts what the API server has answered.
func (f *flaky) answered(response *http.Response) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.countsOf(response.Request)
	if c == nil || response.StatusCode != http.StatusOK {
		return nil
	}
	if isList(response.Request) {
		c.lists++
	}
	if isWatch(response.Request) {
		c.watches++
	}
	return nil
}

// countsOf returns the counts for the kind of a request, nil if it is none that counts.
func (f *flaky) countsOf(request *http.Request) *requestCounts {
	kind := watchedKind(request)
	if kind != "" && f.counts[kind] == nil {
		f.counts[kind] = new(requestCounts)
	}
	return f.counts[kind]
}

// change changes how requests fare from now on.
func (f *flaky) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
}

// storm cuts all watches and answers with these statuses, one after the other, until calm.
func (f *flaky) storm(statuses ...int) {
	f.change(func() {
		f.statuses = statuses
		f.cut()
		f.open, f.cut = context.WithCancel(context.Background())
	})
}

func (f *flaky) calm() { f.change(func() { f.statuses = nil }) }

// requests are the counts of each kind up to now.
func (f *flaky) requests() map[string]requestCounts {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := make(map[string]requestCounts)
	for kind, c := range f.counts {
		counts[kind] = *c
	}
	return counts
}
