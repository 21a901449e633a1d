package watch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// logs collects what is logged, one record a line, without times.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// take returns what was logged since the last call.
func (l *logs) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.buf.Reset()
	return l.buf.String()
}

func (l *logs) logger(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func newTestAccess(l *logs) *access {
	return &access{kind: "EndpointSlices", resource: endpointSlices, host: testHost, logger: l.logger(slog.LevelInfo), changed: func() {}}
}

// A problem is logged when it is new, and again only after a while; the end of
// it, too.
func TestAccessLogsEachProblemOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l logs
		a := newTestAccess(&l)
		refused := request(syscall.ECONNREFUSED)
		a.failed(verbList, refused)
		if got := l.take(); strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "level=WARN ") || !strings.Contains(got, "connection refused") {
			t.Errorf("first: %s", got)
		}
		for range 100 {
			pass(time.Second)
			a.failed(verbList, refused)
		}
		if got := l.take(); got != "" {
			t.Errorf("repeated: %s", got)
		}
		a.failed(verbList, apierrors.NewUnauthorized(""))
		if got := l.take(); !strings.Contains(got, "401") {
			t.Errorf("another problem: %s", got)
		}
		pass(repeatAfter)
		a.failed(verbList, refused)
		if got := l.take(); !strings.Contains(got, "connection refused") {
			t.Errorf("after a while: %s", got)
		}
		a.isWatched(nil, false)
		if got, want := l.take(), `level=INFO msg="watching the Kubernetes API again" resource=endpointslices.discovery.k8s.io after=6m40s`+"\n"; got != want {
			t.Errorf("the end: got %s, want %s", got, want)
		}
		a.isWatched(nil, false)
		if got := l.take(); got != "" {
			t.Errorf("another watch: %s", got)
		}
		a.wasListed()
		a.failed(verbWatch, refused)
		if got := l.take(); !strings.Contains(got, "the last known state stays") {
			t.Errorf("after it was complete: %s", got)
		}
	})
}

func TestAccessIsCompleteWhenListedAndWatched(t *testing.T) {
	for name, steps := range map[string][]func(*access){
		"list and watch":    {(*access).wasListed, func(a *access) { a.isWatched(nil, false) }},
		"streamed list":     {func(a *access) { a.isWatched(nil, false) }, (*access).wasListed},
		"problems meantime": {func(a *access) { a.failed(verbList, errors.New("x")) }, (*access).wasListed, func(a *access) { a.failed(verbWatch, errors.New("x")) }, func(a *access) { a.isWatched(nil, false) }},
	} {
		t.Run(name, func(t *testing.T) {
			changed := 0
			a := newTestAccess(&logs{})
			a.changed = func() { changed++ }
			if got, want := a.waiting(), "EndpointSlices: waiting for the first list from "+testHost; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			for _, step := range steps {
				if a.complete() || a.waiting() == "" {
					t.Error("complete too early")
				}
				step(a)
			}
			if !a.complete() || a.waiting() != "" || changed != 2 {
				t.Errorf("not complete: %q, told %d times", a.waiting(), changed)
			}
			a.failed(verbWatch, errors.New("x"))
			if !a.complete() || a.waiting() != "" {
				t.Error("no longer complete")
			}
		})
	}
}

func TestAccessWaitingSaysWhy(t *testing.T) {
	a := newTestAccess(&logs{})
	a.failed(verbList, request(syscall.ECONNREFUSED))
	if got, want := a.waiting(), "EndpointSlices: no API server answers at "+testHost+": connection refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	a.failed(verbList, apierrors.NewUnauthorized(""))
	if got := a.waiting(); !strings.Contains(got, "(401 Unauthorized); renew the token") {
		t.Errorf("got %q", got)
	}
}

func TestReportable(t *testing.T) {
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		want bool
	}{
		"problem":          {t.Context(), errors.New("x"), true},
		"our own end":      {done, errors.New("x"), false},
		"outdated":         {t.Context(), apierrors.NewResourceExpired("x"), false},
		"ahead of server":  {t.Context(), versionTooLarge(), false},
		"too many":         {t.Context(), apierrors.NewTooManyRequests("x", 1), true},
		"outdated, opaque": {t.Context(), opaque(apierrors.NewResourceExpired("x")), false},
		"refused, opaque":  {t.Context(), opaque(request(syscall.ECONNREFUSED)), true},
	} {
		if got := reportable(test.ctx, test.err); got != test.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if errors.Is(opaque(request(syscall.ECONNREFUSED)), syscall.ECONNREFUSED) {
		t.Error("an opaque error is recognised")
	}
}
