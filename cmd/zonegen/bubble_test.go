package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// fakeSource hands out what a test sends.
type fakeSource struct {
	changes chan zone.Changes
	run     func(ctx context.Context) error

	mu       sync.Mutex
	waiting  []string
	told     []string // the values of the problems that it was told of
	toldHeld []zone.Key
	watches  []watch.Watch

	catchUps []watch.Position
	present  watch.Position // how far the API has come, where it was asked
}

func (s *fakeSource) Run(ctx context.Context) error { return s.run(ctx) }

func (s *fakeSource) Next(ctx context.Context) (zone.Changes, error) {
	select {
	case c := <-s.changes:
		return c, nil
	case <-ctx.Done():
		return zone.Changes{}, ctx.Err()
	}
}

func (s *fakeSource) Tell(problems []zone.Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range problems {
		s.told = append(s.told, p.Value)
	}
}

func (s *fakeSource) TellHeld(lost []zone.Key, _ string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.toldHeld = append(s.toldHeld, lost...)
}

func (s *fakeSource) Watches() []watch.Watch { return s.watches }

func (s *fakeSource) Progress() watch.Progress { return watch.Progress{} }

func (s *fakeSource) CatchUp(to watch.Position) { s.catchUps = append(s.catchUps, to) }

func (s *fakeSource) Reachable(to watch.Position) watch.Position {
	reachable := maps.Clone(to)
	for kind, version := range s.present {
		reachable[kind] = min(version, to[kind])
	}
	return reachable
}

func (s *fakeSource) Orphans() map[zone.Key]int { return nil }

func (s *fakeSource) Waiting() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

func (s *fakeSource) waitFor(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = lines
}

// records are the log records of a daemon.
type records struct {
	mu  sync.Mutex
	all []slog.Record
}

func (*records) Enabled(context.Context, slog.Level) bool { return true }
func (r *records) WithAttrs([]slog.Attr) slog.Handler     { return r }
func (r *records) WithGroup(string) slog.Handler          { return r }

func (r *records) Handle(_ context.Context, record slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, record)
	return nil
}

// times are those of the records with that message, of at least that level.
func (r *records) times(level slog.Level, message string) []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	var times []time.Time
	for _, record := range r.all {
		if record.Message == message && record.Level >= level {
			times = append(times, record.Time)
		}
	}
	return times
}

const (
	zoneFile     = "db.clusterset.local"
	notPublished = "not published; trying again"
)

// testDaemon is a daemon between a fake source and a real folder. It lives in a
// bubble of synctest, whose clock goes on when all wait for it.
type testDaemon struct {
	*daemon
	t      *testing.T
	source *fakeSource
	log    *records
	folder string
	other  *fakePlace // beside the folder, if there is one
	stop   context.CancelFunc
}

// inBubble runs a test with the daemon's loop running. What comes before is called
// before that.
func inBubble(t *testing.T, folder string, test func(d *testDaemon), before ...func(d *testDaemon)) {
	synctest.Test(t, func(t *testing.T) {
		set, err := zone.NewSet(zone.Options{NoReverse: true})
		if err != nil {
			t.Fatal(err)
		}
		d := &testDaemon{t: t, log: new(records), folder: folder, source: &fakeSource{changes: make(chan zone.Changes)}}
		d.source.waitFor("a first list")
		d.daemon = newDaemon(slog.New(d.log), d.source, set, lossLimit{30, time.Minute})
		d.publishTo("folder", &folderPlace{options: publish.FolderOptions{Path: folder, Guard: d.placeGuard("path", folder).judge}}, 0)
		for _, b := range before {
			b(d)
		}
		var ctx context.Context
		ctx, d.stop = context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			d.loop(ctx)
		}()
		test(d)
		d.stop()
		<-ended
	})
}

// change lets the source hand out a service with that address.
func (d *testDaemon) change(address string) { d.changes(cart(address)) }

func (d *testDaemon) changes(c zone.Changes) {
	d.source.waitFor()
	d.source.changes <- c
	synctest.Wait()
}

func cart(address string) zone.Changes {
	return zone.Changes{Services: []zone.Service{{
		Key: zone.Key{Namespace: "shop", Name: "cart"}, Type: zone.ClusterSetIP, IPs: []string{address},
	}}}
}

// pass lets time pass.
func (d *testDaemon) pass(span time.Duration) {
	<-time.After(span)
	synctest.Wait()
}

func (d *testDaemon) path() string { return filepath.Join(d.folder, zoneFile) }

// holds reports whether the zone file has an address.
func (d *testDaemon) holds(address string) bool {
	text, err := os.ReadFile(d.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		d.t.Fatal(err)
	}
	return strings.Contains(string(text), " A "+address+"\n")
}

// readyz is what /readyz says.
func (d *testDaemon) readyz() (status int, text string) {
	w := httptest.NewRecorder()
	handler(&d.readiness, d.metrics, false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w.Code, w.Body.String()
}

func (d *testDaemon) wantReadyz(status int, text string) {
	d.t.Helper()
	if code, got := d.readyz(); code != status || !strings.HasPrefix(got, text) {
		d.t.Errorf("/readyz: %d %q, want %d %q", code, got, status, text)
	}
}

// value is that of a gauge or a counter.
func value(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var sample dto.Metric
	if err := m.Write(&sample); err != nil {
		t.Fatal(err)
	}
	return sample.GetGauge().GetValue() + sample.GetCounter().GetValue()
}

// block makes publishing fail, also for root: a folder with something in it
// cannot be replaced by a file. The result undoes it.
func (d *testDaemon) block() (unblock func()) {
	d.t.Helper()
	if err := os.RemoveAll(d.path()); err != nil {
		d.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(d.path(), "something"), 0o755); err != nil {
		d.t.Fatal(err)
	}
	return func() {
		d.t.Helper()
		if err := os.RemoveAll(d.path()); err != nil {
			d.t.Fatal(err)
		}
	}
}
