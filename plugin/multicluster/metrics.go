package multicluster

import (
	"slices"
	"sync"
	"time"

	"github.com/coredns/coredns/plugin"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// series is what tells the metrics of a zone apart: it can be served by several server
// blocks, with and without endpoints. The labels are those of CoreDNS' own metrics.
type series struct{ server, zone, view string }

var seriesLabels = []string{"server", "zone", "view"}

func (s series) values() []string { return []string{s.server, s.zone, s.view} }

var (
	zoneSerial = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "zone_serial",
		Help:      "SOA serial of the version of the zone that is served.",
	}, seriesLabels)
	zoneRecords = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "records",
		Help:      "Number of records of the zone that are served.",
	}, seriesLabels)
	lastLoad = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "last_successful_load_timestamp_seconds",
		Help:      "Time when a version of the zone was loaded last, in Unix seconds.",
	}, seriesLabels)
	loadFailures = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "load_failures_total",
		Help:      "Counter of the attempts to load the zone that failed. The version before stays.",
	}, seriesLabels)
	loadDuration = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   pluginName,
		Name:                        "load_duration_seconds",
		Help:                        "Histogram of the time it took to load a new version of the zone.",
		Buckets:                     prometheus.ExponentialBuckets(0.0005, 2, 16),
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
	}, seriesLabels)
	freshness = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace:                   plugin.Namespace,
		Subsystem:                   pluginName,
		Name:                        "freshness_seconds",
		Help:                        "Histogram of the time from a change in the cluster until it was served, as far as the zone file tells it.",
		Buckets:                     []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
		NativeHistogramBucketFactor: plugin.NativeHistogramBucketFactor,
	}, seriesLabels)
	transfers = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace,
		Subsystem: pluginName,
		Name:      "transfers_total",
		Help:      "Counter of the transfers of the zone that were begun: incremental, of the whole zone, or with nothing new (none).",
	}, append(slices.Clone(seriesLabels), "kind"))
)

// observe records that a version is served. Before is nil for the first, whose
// change may be long past.
func (s series) observe(before, now *snapshot, start time.Time) {
	at, labels := time.Now(), s.values()
	zoneSerial.WithLabelValues(labels...).Set(float64(now.serial()))
	zoneRecords.WithLabelValues(labels...).Set(float64(now.records))
	loadDuration.WithLabelValues(labels...).Observe(at.Sub(start).Seconds())
	if before != nil && now.changed.After(before.changed) {
		freshness.WithLabelValues(labels...).Observe(max(0, at.Sub(now.changed).Seconds()))
	}
}

// succeeded records that the zone has loaded, whether or not something is new.
func (s series) succeeded() {
	lastLoad.WithLabelValues(s.values()...).Set(float64(time.Now().UnixMilli()) / 1000)
}

func (s series) failed() { loadFailures.WithLabelValues(s.values()...).Inc() }

// transferred counts a transfer.
func (s series) transferred(kind string) {
	transfers.WithLabelValues(append(s.values(), kind)...).Inc()
}

// watched counts the plugin instances of each series. While a Corefile is reloaded,
// the new one begins before the old one ends.
var watched = struct {
	sync.Mutex
	series map[series]int
}{series: make(map[series]int)}

// begin begins the metrics of a zone.
func (s series) begin() {
	watched.Lock()
	defer watched.Unlock()
	watched.series[s]++
	loadFailures.WithLabelValues(s.values()...) // so that it starts at 0
	for _, kind := range []string{nothingNew, incremental, whole} {
		transfers.WithLabelValues(append(s.values(), kind)...)
	}
}

// end ends them with the last instance that has the zone.
func (s series) end() {
	watched.Lock()
	defer watched.Unlock()
	if watched.series[s]--; watched.series[s] > 0 {
		return
	}
	delete(watched.series, s)
	for _, m := range []interface{ DeleteLabelValues(...string) bool }{
		zoneSerial, zoneRecords, lastLoad, loadFailures, loadDuration, freshness,
	} {
		m.DeleteLabelValues(s.values()...)
	}
	transfers.DeletePartialMatch(prometheus.Labels{"server": s.server, "zone": s.zone, "view": s.view})
}
