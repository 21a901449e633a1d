package multicluster

import (
	"sync"
	"time"

	"github.com/coredns/coredns/plugin"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

var (
	zoneSerial = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "zone_serial",
		Help:      "SOA serial of the version of the zone that is served.",
	}, []string{"zone"})
	zoneRecords = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "records",
		Help:      "Number of records of the zone that are served.",
	}, []string{"zone"})
	lastLoad = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "last_successful_load_timestamp_seconds",
		Help:      "Time when a version of the zone was loaded last, in Unix seconds.",
	}, []string{"zone"})
	loadFailures = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "load_failures_total",
		Help:      "Counter of the attempts to load the zone that failed. The version before stays.",
	}, []string{"zone"})
	loadDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   pluginName,
		Name:                        "load_duration_seconds",
		Help:                        "Histogram of the time it took to load a new version of the zone.",
		Buckets:                     prometheus.ExponentialBuckets(0.0005, 2, 16),
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
	}, []string{"zone"})
	freshness = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   pluginName,
		Name:                        "freshness_seconds",
		Help:                        "Histogram of the time from a change in the cluster until it was served, as far as the zone file tells it.",
		Buckets:                     []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
	}, []string{"zone"})
)

// observe records that a version is served. Before is nil for the first, whose
// change may be long past.
func observe(zone string, before, now *snapshot, start time.Time) {
	at := time.Now()
	zoneSerial.WithLabelValues(zone).Set(float64(now.serial()))
	zoneRecords.WithLabelValues(zone).Set(float64(now.records))
	lastLoad.WithLabelValues(zone).Set(float64(at.UnixMilli()) / 1000)
	loadDuration.WithLabelValues(zone).Observe(at.Sub(start).Seconds())
	if before != nil && now.changed.After(before.changed) {
		freshness.WithLabelValues(zone).Observe(max(0, at.Sub(now.changed).Seconds()))
	}
}

// watched counts the plugin instances of each zone. While a Corefile is
// reloaded, the new one begins before the old one ends.
var watched = struct {
	sync.Mutex
	zones map[string]int
}{zones: make(map[string]int)}

// meter begins the metrics of a zone.
func meter(zone string) {
	watched.Lock()
	defer watched.Unlock()
	watched.zones[zone]++
	loadFailures.WithLabelValues(zone) // so that it starts at 0
}

// unmeter ends them with the last instance that has the zone.
func unmeter(zone string) {
	watched.Lock()
	defer watched.Unlock()
	if watched.zones[zone]--; watched.zones[zone] > 0 {
		return
	}
	delete(watched.zones, zone)
	for _, m := range []interface{ DeleteLabelValues(...string) bool }{
		zoneSerial, zoneRecords, lastLoad, loadFailures, loadDuration, freshness,
	} {
		m.DeleteLabelValues(zone)
	}
}
