package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestReadiness(t *testing.T) {
	waiting := []string{"ServiceImports: forbidden", "Namespaces: forbidden"}
	unheard := []string{"namespaces"} // of no interest until it is ready
	r := &readiness{waiting: func() []string { return waiting }, unheard: func() []string { return unheard }}
	folder, configMap := r.add(), r.add()
	check := func(status int, want ...string) {
		t.Helper()
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if got := w.Body.String(); w.Code != status || got != strings.Join(want, "\n")+"\n" {
			t.Errorf("%d %q, want %d %q", w.Code, got, status, want)
		}
	}
	publish := func(published func(outcome, []string) bool, becomes bool, failures ...string) {
		t.Helper()
		if published(outcome{}, failures) != becomes {
			t.Errorf("publishing with failures %q: became ready: %v", failures, !becomes)
		}
	}
	check(503, "waiting for ServiceImports: forbidden", "waiting for Namespaces: forbidden")
	waiting = waiting[1:]
	check(503, "waiting for Namespaces: forbidden")
	waiting = nil
	check(503, "waiting for the first publication")
	publish(folder, false, "the disk is full")
	check(503, "the disk is full")
	publish(configMap, false)
	check(503, "the disk is full")
	publish(configMap, false, "no such namespace")
	check(503, "the disk is full", "no such namespace")
	publish(folder, true)
	check(200, "no such namespace", "this one cannot watch namespaces and goes on with what it knows; see the log")
	unheard = nil
	check(200, "no such namespace")
	publish(configMap, false)
	check(200, "ok")
	publish(folder, false, "the disk is full", "the disk is read-only")
	check(200, "the disk is full", "the disk is read-only")
	waiting = []string{"nothing that matters: a source is complete once"}
	publish(folder, false)
	check(200, "ok")
}

// The endpoints are for looking only.
func TestMethods(t *testing.T) {
	h := handler(&readiness{waiting: func() []string { return nil }, unheard: func() []string { return nil }}, newMetrics(), true)
	for path, want := range map[string]int{"/livez": 200, "/readyz": 503, "/metrics": 200, "/debug/pprof/": 200} {
		for method, want := range map[string]int{http.MethodGet: want, http.MethodHead: want, http.MethodPost: http.StatusMethodNotAllowed} {
			if path == "/debug/pprof/" && method == http.MethodPost {
				continue // pprof's own business
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code != want {
				t.Errorf("%s %s: %d, want %d", method, path, w.Code, want)
			}
		}
	}
}

// A request that does not end keeps the server no longer than its grace. What the
// server itself has to say goes to our log.
func TestServerEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked, ended, log := make(chan struct{}), make(chan error, 1), new(records)
	hang := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.WriteHeader(http.StatusOK) // once too often
		close(asked)
		<-r.Context().Done()
	})
	go func() { ended <- serveHTTP(ctx, l, hang, slog.New(log)) }()
	answered := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + l.Addr().String())
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		answered <- err
	}()
	<-asked
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the server does not end")
	}
	if err := <-answered; err == nil {
		t.Error("the request was answered")
	}
	if len(log.all) != 1 || log.all[0].Level != slog.LevelWarn || !strings.Contains(log.all[0].Message, "superfluous") {
		t.Errorf("the log has %v, want a warning that the header was written twice", log.all)
	}
}
