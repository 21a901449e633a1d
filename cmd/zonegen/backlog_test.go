package main

import (
	"slices"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// sample returns what /metrics would say, by name and values of labels.
func (d *testDaemon) sample(name string, labels ...string) *dto.Metric {
	d.t.Helper()
	families, err := d.metrics.registry.Gather()
	if err != nil {
		d.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() != name {
				continue
			}
			var values []string
			for _, l := range m.Label {
				values = append(values, l.GetValue())
			}
			if !slices.ContainsFunc(labels, func(l string) bool { return !slices.Contains(values, l) }) {
				return m
			}
		}
	}
	d.t.Fatalf("no %s of %s", name, labels)
	return nil
}

// Changes are measured when they are published: from their triggers, each once.
func TestProgramming(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		wantAge := func(want time.Duration) {
			t.Helper()
			if got := d.sample("zonegen_oldest_unpublished_change_age_seconds", "folder").Gauge.GetValue(); got != want.Seconds() {
				t.Errorf("the oldest change waits for %vs, want %s", got, want)
			}
		}
		wantSum := func(kind string, count int, sum time.Duration) {
			t.Helper()
			h := d.sample("zonegen_dns_programming_duration_seconds", kind).Histogram
			if int(h.GetSampleCount()) != count || h.GetSampleSum() != sum.Seconds() {
				t.Errorf("%s: %d observations of %vs, want %d of %s", kind, h.GetSampleCount(), h.GetSampleSum(), count, sum)
			}
		}
		change := func(address string, triggers ...zone.Trigger) {
			c := cart(address)
			c.Seen, c.Triggers = time.Now(), triggers
			d.changes(c)
		}
		ago := func(span time.Duration) zone.Trigger {
			return zone.Trigger{Type: zone.ClusterSetIP, At: time.Now().Add(-span)}
		}
		wantAge(0)
		wantSum("headless", 0, 0)
		d.change("10.0.0.1")
		wantAge(0)
		change("10.0.0.2", ago(3*time.Second), zone.Trigger{Type: zone.Headless, At: time.Now().Add(-time.Minute)}, zone.Trigger{Type: "Nonsense", At: time.Now()})
		wantSum("clusterset_ip", 1, 3*time.Second)
		wantSum("headless", 1, time.Minute)
		change("10.0.0.2", ago(time.Hour))
		wantSum("clusterset_ip", 1, 3*time.Second) // the zones are as they were
		change("10.0.0.3", ago(-time.Hour))
		wantSum("clusterset_ip", 2, 3*time.Second)

		unblock := d.block()
		change("10.0.0.4", ago(2*time.Second))
		d.pass(10 * time.Second)
		wantAge(10 * time.Second)
		change("10.0.0.5", ago(time.Second))
		wantAge(10 * time.Second)
		wantSum("clusterset_ip", 2, 3*time.Second)
		unblock()
		d.pass(30 * time.Second)
		wantAge(0)
		if h := d.sample("zonegen_dns_programming_duration_seconds", "clusterset_ip").Histogram; h.GetSampleCount() != 4 || h.GetSampleSum() <= 16 {
			t.Errorf("%d observations of %vs, want 4 with the time of the failure", h.GetSampleCount(), h.GetSampleSum())
		}
	})
}

// A backlog is bounded, and ends with the newest state whatever it has left out.
func TestBacklogIsBounded(t *testing.T) {
	var l backlog
	for state := range 3 * maxBatches {
		l.add(batch{state: state, seen: time.Now(), triggers: make([]zone.Trigger, 20)})
	}
	if len(l.batches) != maxBatches || l.triggers > maxTriggers {
		t.Errorf("%d batches with %d triggers", len(l.batches), l.triggers)
	}
	if n := len(l.take(3*maxBatches - 2)); n == 0 || n > maxTriggers || l.age() == 0 {
		t.Errorf("all but the newest state: %d triggers, age %s", n, l.age())
	}
	l.take(3*maxBatches - 1)
	if l.age() != 0 || l.triggers != 0 {
		t.Errorf("after the newest state: age %s, %d triggers", l.age(), l.triggers)
	}
	l.add(batch{state: 3 * maxBatches, triggers: make([]zone.Trigger, maxTriggers)})
	if n := len(l.take(3 * maxBatches)); n != maxTriggers {
		t.Errorf("%d triggers in an empty backlog", n)
	}
}

func TestWatchMetrics(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		at := time.Now()
		d.source.watches = []watch.Watch{
			{Resource: "pods", Synced: true, Heard: at, Lists: 3, Problems: map[string]int{"forbidden": 7}},
			{Resource: "nodes", Up: true},
		}
		for name, want := range map[string][2]float64{
			"synced":                       {1, 0},
			"up":                           {0, 1},
			"lists_total":                  {3, 0},
			"last_event_timestamp_seconds": {unixSeconds(at), 0},
		} {
			for i, w := range d.source.watches {
				if name == "last_event_timestamp_seconds" && w.Heard.IsZero() {
					continue
				}
				m := d.sample("zonegen_watch_"+name, w.Resource)
				if got := m.GetGauge().GetValue() + m.GetCounter().GetValue(); got != want[i] {
					t.Errorf("%s of %s: %v, want %v", name, w.Resource, got, want[i])
				}
			}
		}
		for reason, want := range map[string]float64{"forbidden": 7, "connection": 0} {
			if got := d.sample("zonegen_watch_errors_total", "pods", reason).Counter.GetValue(); got != want {
				t.Errorf("%v errors because of %s, want %v", got, reason, want)
			}
		}
	})
}
