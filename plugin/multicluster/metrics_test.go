package multicluster

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestMetrics(t *testing.T) {
	z, dir := oneZone(t)
	check := func(what string, want map[string]float64) {
		t.Helper()
		for name, value := range want {
			if got := valueOf(t, name, clusterset); got != value {
				t.Errorf("%s: %s is %v, not %v", what, name, got, value)
			}
		}
	}
	changed := func(serial int, at string, lines ...string) {
		text := zoneFile(clusterset, uint32(serial), lines...)
		if at != "" {
			text = strings.Replace(text, "86400 5\n", "86400 5 ; changed "+at+"\n", 1)
		}
		put(t, dir, "db.clusterset.local", text)
		z.check(t.Context())
	}
	check("before", map[string]float64{"load_failures_total": 0, "zone_serial": -1, "freshness_seconds": -1})
	z.check(t.Context())
	check("no file", map[string]float64{"load_failures_total": 1, "zone_serial": -1, "records": -1})
	changed(1, "2026-11-22T13:38:00.123456789Z")
	check("the first version may be old", map[string]float64{"zone_serial": 1, "records": 3, "load_duration_seconds": 1, "freshness_seconds": -1})
	if at := valueOf(t, "last_successful_load_timestamp_seconds", clusterset); time.Since(time.UnixMilli(int64(at*1000))) > patience {
		t.Errorf("last load at %v", at)
	}
	changed(2, "2026-11-22T13:38:01Z", "a 5 A 192.0.2.1")
	check("a change", map[string]float64{"zone_serial": 2, "records": 4, "load_duration_seconds": 2, "freshness_seconds": 1})
	changed(3, "2026-11-22T13:38:01Z", "a 5 A 192.0.2.2")
	check("the same time", map[string]float64{"zone_serial": 3, "freshness_seconds": 1})
	changed(4, "", "a 5 A 192.0.2.3")
	changed(5, "yesterday", "a 5 A 192.0.2.4")
	check("no time", map[string]float64{"zone_serial": 5, "freshness_seconds": 1})
	changed(6, time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano), "a 5 A 192.0.2.5")
	check("a clock that is ahead", map[string]float64{"zone_serial": 6, "freshness_seconds": 2})
	(series{zone: clusterset}).begin()
	(series{zone: clusterset}).end()
	check("another instance has ended", map[string]float64{"zone_serial": 6})
}

// TestChangedInTheGeneralForm: other hands may write the time too.
func TestChangedInTheGeneralForm(t *testing.T) {
	at := time.Date(2026, 11, 22, 13, 38, 0, 123456789, time.UTC)
	for name, change := range forms {
		text := strings.Replace(zoneFile(clusterset, 1), "86400 5\n", fmt.Sprintf("86400 5 ; changed %s\n", at.Format(time.RFC3339Nano)), 1)
		m := loaded(t, map[string]string{clusterset: change(text)})
		if got := m.zones.zones[0].current.Load().changed; !got.Equal(at) {
			t.Errorf("%s: changed at %s", name, got)
		}
	}
}
