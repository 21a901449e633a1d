package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// state is what /readyz tells. It is safe for concurrent use.
type state struct {
	mu       sync.Mutex
	waiting  func() []string // what the source waits for
	ready    bool
	problems []string // of the last publication
}

// publication notes how the last publication went: the zonegen is ready from
// the first one without problems on. Later ones do not change that, because the
// files that are there are still good.
func (s *state) publication(problems []string) (becameReady bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = problems
	becameReady = !s.ready && len(problems) == 0
	s.ready = s.ready || becameReady
	return becameReady
}

// serveReady answers /readyz: 200 once all zones were published, else 503 and
// what is missing.
func (s *state) serveReady(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []string
	status := http.StatusOK
	if !s.ready {
		status = http.StatusServiceUnavailable
		for _, line := range s.waiting() {
			lines = append(lines, "waiting for "+line)
		}
		if len(lines) == 0 && len(s.problems) == 0 {
			lines = append(lines, "waiting for the first publication")
		}
	}
	lines = append(lines, s.problems...)
	if len(lines) == 0 {
		lines = append(lines, "ok")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintln(w, strings.Join(lines, "\n"))
}

// handler returns the HTTP endpoints of zonegen run.
func handler(s *state, m *metrics, withPprof bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	if withPprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// serveHTTP serves on a listener until ctx is done.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
	}()
	err := server.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}
