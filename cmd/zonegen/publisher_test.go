package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// fakePlace is a place for which a test decides what becomes of publications.
type fakePlace struct {
	outcome func(ctx context.Context, snapshots []*zone.Snapshot) outcome
	wakes   chan struct{}
	times   []time.Duration // when something was published, since the start
	start   time.Time
	newest  *zone.Snapshot
	closed  bool
}

func newFakePlace() *fakePlace {
	p := &fakePlace{wakes: make(chan struct{}, 1), start: time.Now()}
	p.outcome = p.written
	return p
}

func (p *fakePlace) publish(ctx context.Context, s state) outcome {
	p.times = append(p.times, time.Since(p.start))
	return p.outcome(ctx, s.snapshots)
}

// written is the outcome of a publication that succeeds.
func (p *fakePlace) written(_ context.Context, snapshots []*zone.Snapshot) outcome {
	changed := !snapshots[0].Equal(p.newest)
	p.newest = snapshots[0]
	return outcome{results: []publish.Result{{Zone: snapshots[0].Origin(), Serial: 1, Written: changed}}}
}

func (p *fakePlace) due() <-chan struct{} { return p.wakes }
func (p *fakePlace) close()               { p.closed = true }

// since returns when there were publications, and forgets them.
func (p *fakePlace) since() []time.Duration {
	times := p.times
	p.times = nil
	return times
}

// inBubbleWith is inBubble with one place more, of that interval.
func inBubbleWith(t *testing.T, interval time.Duration, test func(d *testDaemon, p *fakePlace)) {
	inBubble(t, t.TempDir(), func(d *testDaemon) { test(d, d.other) }, func(d *testDaemon) {
		d.other = newFakePlace()
		d.publishTo("configmap", d.other, interval)
	})
}

// A place that hangs keeps nothing from the other, and gets the newest state when
// it is done. The end does not wait for it longer than it takes to hear of it.
func TestPlacesAreIndependent(t *testing.T) {
	inBubbleWith(t, 0, func(d *testDaemon, p *fakePlace) {
		hangs := make(chan struct{})
		p.outcome = func(ctx context.Context, snapshots []*zone.Snapshot) outcome {
			select {
			case <-hangs:
				return p.written(ctx, snapshots)
			case <-ctx.Done():
				return failed(snapshots, ctx.Err())
			}
		}
		for _, address := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"} {
			d.change(address)
			if !d.holds(address) {
				t.Errorf("%s is not published", address)
			}
		}
		d.wantReadyz(503, "waiting for the first publication\n")
		close(hangs)
		synctest.Wait()
		d.wantReadyz(200, "ok\n")
		if n := len(p.since()); n != 2 {
			t.Errorf("%d publications, want that which hung and one of the newest state", n)
		}

		unblock := d.block()
		d.change("10.0.0.4") // fails in the folder
		unblock()
		if n := len(p.since()); n != 1 {
			t.Errorf("%d publications, want one", n)
		}

		p.outcome = func(ctx context.Context, snapshots []*zone.Snapshot) outcome {
			<-ctx.Done()
			return failed(snapshots, ctx.Err())
		}
		d.change("10.0.0.5")
		failures := len(d.log.times(slog.LevelDebug, notPublished))
		d.stop()
		synctest.Wait()
		if !p.closed {
			t.Error("the place is not closed at the end")
		}
		if n := len(d.log.times(slog.LevelDebug, notPublished)); n != failures {
			t.Error("the end is told as a failure")
		}
	})
}

// The first change after quiet is published at once, later ones once per interval.
func TestIntervalOfPlace(t *testing.T) {
	const s = time.Second
	inBubbleWith(t, 5*s, func(d *testDaemon, p *fakePlace) {
		d.change("10.0.0.1")
		d.pass(10 * s)
		for i := range 12 { // from 10 s on, one each second
			d.change(fmt.Sprint("10.0.0.", i+2))
			d.pass(s)
		}
		d.pass(8 * s)
		if got, want := p.since(), []time.Duration{0, 10 * s, 15 * s, 20 * s, 25 * s}; !slices.Equal(got, want) {
			t.Errorf("publications at %v, want %v", got, want)
		}
	})
}

// While another replica publishes, this one is ready; when it is to publish, it
// does so at once, whatever the interval.
func TestReplicas(t *testing.T) {
	inBubbleWith(t, time.Minute, func(d *testDaemon, p *fakePlace) {
		becomes := func(o outcome) {
			p.outcome = func(context.Context, []*zone.Snapshot) outcome { return o }
			p.wakes <- struct{}{}
			synctest.Wait()
		}
		active := d.metrics.publishes.WithLabelValues("configmap")
		p.outcome = func(context.Context, []*zone.Snapshot) outcome { return outcome{undecided: "no leader is known"} }
		d.change("10.0.0.1")
		d.wantReadyz(503, "no leader is known\n")
		becomes(outcome{standsBy: "another one leads"})
		d.wantReadyz(200, "ok\nanother one leads\n")
		if n := value(t, active); n != 0 {
			t.Errorf("zonegen_publisher_active is %v", n)
		}

		d.pass(time.Hour)
		p.since()
		now := time.Since(p.start)
		for range 3 {
			p.outcome = p.written
			p.newest = nil
			p.wakes <- struct{}{}
			synctest.Wait()
			if got := p.since(); !slices.Equal(got, []time.Duration{now}) {
				t.Errorf("publications at %v, want %v", got, now)
			}
			d.wantReadyz(200, "ok\n")
			if n := value(t, active); n != 1 {
				t.Errorf("zonegen_publisher_active is %v", n)
			}
		}
		if n := len(series(t, d.metrics, "zonegen_zone_serial", "configmap")); n != 1 {
			t.Errorf("%d serials are told", n)
		}

		p.outcome = func(_ context.Context, snapshots []*zone.Snapshot) outcome {
			return failed(snapshots, errors.New("the quota is exceeded"))
		}
		d.change("10.0.0.2")
		d.pass(time.Minute)
		d.wantReadyz(200, "not published: the quota is exceeded\n")
		becomes(outcome{undecided: "no leader is known"})
		d.wantReadyz(200, "no leader is known\n")
		becomes(outcome{standsBy: "another one leads"})
		d.wantReadyz(200, "ok\nanother one leads\n")
		if n := len(series(t, d.metrics, "zonegen_zone_serial", "configmap")); n != 0 {
			t.Error("a serial is told of what another replica publishes")
		}
		if n := len(d.log.times(slog.LevelInfo, "all zones are published again")); n != 0 {
			t.Error("the log says that all zones are published, which it does not know")
		}
	})
}

// series are the values of a metric, of one publisher.
func series(t *testing.T, m *metrics, name, publisher string) (values []float64) {
	t.Helper()
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, sample := range f.GetMetric() {
			for _, label := range sample.GetLabel() {
				if f.GetName() == name && label.GetName() == "publisher" && label.GetValue() == publisher {
					values = append(values, sample.GetGauge().GetValue())
				}
			}
		}
	}
	return values
}
