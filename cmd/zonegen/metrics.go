package main

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// metrics is what a running zonegen tells Prometheus.
type metrics struct {
	registry        *prometheus.Registry
	complete        prometheus.Gauge
	services        prometheus.Gauge
	records         *prometheus.GaugeVec
	serial          *prometheus.GaugeVec
	bytes           *prometheus.GaugeVec
	published       *prometheus.GaugeVec
	publications    *prometheus.CounterVec
	publishes       *prometheus.GaugeVec
	interval        *prometheus.GaugeVec
	held            *prometheus.GaugeVec
	renderSeconds   prometheus.Histogram
	publishSeconds  *prometheus.HistogramVec
	programSeconds  *prometheus.HistogramVec
	dropped         *prometheus.CounterVec
	droppedServices prometheus.Gauge
}

// The results of a publication.
const (
	resultWritten   = "written"
	resultUnchanged = "unchanged"
	resultFailed    = "failed"
)

// buckets are those of durations, in seconds: from a change of one service to
// the first zone of a very large clusterset.
var buckets = []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5, 10, 30}

// programBuckets are those that CoreDNS has for its own
// coredns_kubernetes_dns_programming_duration_seconds: up to nine minutes.
var programBuckets = prometheus.ExponentialBuckets(.001, 2, 20)

// serviceKinds are the values of the label service_kind.
var serviceKinds = map[zone.Type]string{zone.ClusterSetIP: "clusterset_ip", zone.Headless: "headless"}

func newMetrics() *metrics {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	f := promauto.With(r)
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return f.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		registry:     r,
		complete:     gauge("zonegen_source_complete", "Whether the source of services has delivered its first complete state (1) or not (0).").WithLabelValues(),
		services:     gauge("zonegen_services", "Multi-cluster services that have records.").WithLabelValues(),
		records:      gauge("zonegen_zone_records", "Records of the newest version of a zone.", "zone", "type"),
		serial:       gauge("zonegen_zone_serial", "SOA serial of the published version of a zone.", "zone", "publisher"),
		bytes:        gauge("zonegen_zone_size_bytes", "Size of the published version of a zone.", "zone", "publisher"),
		published:    gauge("zonegen_zone_last_published_timestamp_seconds", "Unix time of the last write of a zone.", "zone", "publisher"),
		publications: f.NewCounterVec(prometheus.CounterOpts{Name: "zonegen_publications_total", Help: "Publications of a zone by result: written, unchanged or failed."}, []string{"zone", "publisher", "result"}),
		publishes:    gauge("zonegen_publisher_active", "Whether this process publishes (1), or another replica does, or it is not known yet which (0).", "publisher"),
		interval:     gauge("zonegen_publisher_min_interval_seconds", "Least time between two publications of changes.", "publisher"),
		held:         gauge("zonegen_held_services", "Services that are gone but whose records stay for a while, because too many were lost at once.", "publisher"),
		renderSeconds: f.NewHistogram(prometheus.HistogramOpts{
			Name: "zonegen_render_duration_seconds", Help: "Time from a batch of changes to new snapshots of all zones.", Buckets: buckets,
		}),
		publishSeconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "zonegen_publish_duration_seconds", Help: "Time that publishing took when there was something to write.", Buckets: buckets,
		}, []string{"publisher"}),
		programSeconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "zonegen_dns_programming_duration_seconds", Help: "Time from a change of a service's endpoints in its cluster, where the EndpointSlice tells it, until all zones were published. Of several changes that are published at once, the first of each service counts.",
			Buckets: programBuckets,
		}, []string{"publisher", "service_kind"}),
		dropped:         f.NewCounterVec(prometheus.CounterOpts{Name: "zonegen_dropped_input_total", Help: "Values of the API or of manifests that were left out of the zone, by reason."}, []string{"reason"}),
		droppedServices: gauge("zonegen_services_with_dropped_input", "Services of which something is left out of the zone now.").WithLabelValues(),
	}
	for _, reason := range zone.Reasons {
		m.dropped.WithLabelValues(string(reason))
	}
	gauge("zonegen_build_info", "A constant 1, labelled by what zonegen was built from and with.", "version", "revision", "goversion").
		WithLabelValues(buildVersion(), buildRevision(), runtime.Version()).Set(1)
	return m
}

// publisher begins the metrics of a publisher, whose publications are at least that
// far apart.
func (m *metrics) publisher(name string, interval time.Duration, b *backlog) {
	m.interval.WithLabelValues(name).Set(interval.Seconds())
	m.holds(name, nil)
	promauto.With(m.registry).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "zonegen_oldest_unpublished_change_age_seconds", Help: "How long the oldest change that is not published yet has been known; 0 if all are published.",
		ConstLabels: prometheus.Labels{"publisher": name},
	}, func() float64 { return b.age().Seconds() })
	m.publishSeconds.WithLabelValues(name)
	for _, kind := range serviceKinds {
		m.programSeconds.WithLabelValues(name, kind)
	}
}

// room begins the metric of how much ConfigMaps with chunks hold, if there are any.
func (m *metrics) room(shards uint32) {
	if shards == 0 {
		return
	}
	promauto.With(m.registry).NewGauge(prometheus.GaugeOpts{
		Name: "zonegen_configmap_room_bytes", Help: "Size of all zones that the ConfigMaps for chunks can hold. Of zones above half of it, only a part can change at a time.",
	}).Set(float64(shards) * publish.ShardBytes)
}

// programmed notes that changes were published. The clock of whoever noted when
// they happened may be ahead of ours.
func (m *metrics) programmed(publisher string, triggers []zone.Trigger, now time.Time) {
	for _, t := range triggers {
		if kind, ok := serviceKinds[t.Type]; ok { // else it is dropped input
			m.programSeconds.WithLabelValues(publisher, kind).Observe(max(0, now.Sub(t.At).Seconds()))
		}
	}
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// rendered notes the newest state of the zones.
func (m *metrics) rendered(services int, snapshots []*zone.Snapshot, took time.Duration) {
	m.renderSeconds.Observe(took.Seconds())
	m.services.Set(float64(services))
	for _, s := range snapshots {
		c := s.Counts()
		for kind, n := range map[string]int{"A": c.A, "AAAA": c.AAAA, "SRV": c.SRV, "PTR": c.PTR, "TXT": c.TXT, "NS": c.NS, "SOA": c.SOA} {
			m.records.WithLabelValues(s.Origin(), kind).Set(float64(n))
		}
	}
}

// publication notes what became of the zones in one publisher. A look that finds
// everything as it should be is counted, but says nothing about how long
// publishing takes.
func (m *metrics) publication(publisher string, results []publish.Result, took time.Duration, now time.Time) {
	worked := false
	for _, r := range results {
		result := resultUnchanged
		switch {
		case r.Err != nil:
			result = resultFailed
		case r.Written:
			result = resultWritten
			m.published.WithLabelValues(r.Zone, publisher).Set(unixSeconds(now))
		}
		worked = worked || result != resultUnchanged
		for _, known := range []string{resultWritten, resultUnchanged, resultFailed} {
			m.publications.WithLabelValues(r.Zone, publisher, known) // from zero, so that the first failure is an increase
		}
		m.publications.WithLabelValues(r.Zone, publisher, result).Inc()
		if r.Err == nil {
			m.serial.WithLabelValues(r.Zone, publisher).Set(float64(r.Serial))
			m.bytes.WithLabelValues(r.Zone, publisher).Set(float64(r.Bytes))
		}
	}
	if worked {
		m.publishSeconds.WithLabelValues(publisher).Observe(took.Seconds())
	}
}

// holds notes what a publisher holds back, nil for nothing.
func (m *metrics) holds(publisher string, h *holding) {
	lost := 0
	if h != nil {
		lost = h.lost
	}
	m.held.WithLabelValues(publisher).Set(float64(lost))
}

// active notes whether it is for this process to publish. What another replica has
// published is that one's to tell.
func (m *metrics) active(publisher string, ours bool) {
	if ours {
		m.publishes.WithLabelValues(publisher).Set(1)
		return
	}
	m.publishes.WithLabelValues(publisher).Set(0)
	for _, v := range []*prometheus.GaugeVec{m.serial, m.bytes, m.published} {
		v.DeletePartialMatch(prometheus.Labels{"publisher": publisher})
	}
}
