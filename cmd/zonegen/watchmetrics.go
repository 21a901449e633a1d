package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/clusterset-dns/zonegen/watch"
)

// watchMetrics tells Prometheus how the source stands with what it watches, at
// the time of the scrape.
type watchMetrics struct{ source watch.Source }

var (
	watchSynced = watchDesc("synced", "Whether all objects of a kind were listed once and a watch follows them (1) or not yet (0).")
	watchUp     = watchDesc("up", "Whether a kind is watched without a problem (1), or zonegen tries again and holds what it knew last (0).")
	watchHeard  = watchDesc("last_event_timestamp_seconds", "Unix time at which the API last told something of a kind: a list, a change, or every three minutes at least that there is none.")
	watchLists  = watchDesc("lists_total", "Complete lists of a kind: the first, and another one when the API no longer knows where a watch ended.")
	watchErrors = watchDesc("errors_total", "Requests to discover, list or watch a kind that failed, by reason.", "reason")
)

func watchDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("zonegen_watch_"+name, help, append([]string{"resource"}, labels...), nil)
}

// Describe implements [prometheus.Collector].
func (watchMetrics) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{watchSynced, watchUp, watchHeard, watchLists, watchErrors} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (m watchMetrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	counter := func(d *prometheus.Desc, value int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	truth := map[bool]float64{true: 1}
	for _, w := range m.source.Watches() {
		gauge(watchSynced, truth[w.Synced], w.Resource)
		gauge(watchUp, truth[w.Up], w.Resource)
		if !w.Heard.IsZero() {
			gauge(watchHeard, unixSeconds(w.Heard), w.Resource)
		}
		counter(watchLists, w.Lists, w.Resource)
		for _, reason := range watch.Problems {
			counter(watchErrors, w.Problems[reason], w.Resource, reason)
		}
	}
}
