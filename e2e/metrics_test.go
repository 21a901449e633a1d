package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// checkMetrics has promtool read metrics: their names, units and help texts follow the rules of Prometheus.
func checkMetrics(t testing.TB, metrics string) {
	t.Helper()
	if n := strings.Count(metrics, "# TYPE "); n < 5 {
		t.Errorf("only %d metrics", n)
	}
	cmd := exec.Command(tool(t, "promtool", "prometheus"), "check", "metrics")
	cmd.Stdin = strings.NewReader(metrics)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// value is that of one series, as /metrics names it; an error if it is not there.
func (d *daemon) value(series string) (float64, error) { return metricValue(d.http, series) }

// metricValue is the value of one series of a server's /metrics.
func metricValue(url, series string) (float64, error) {
	status, metrics, err := httpGet(url + "/metrics")
	if err != nil || status != http.StatusOK {
		return 0, fmt.Errorf("/metrics: %d, %w", status, err)
	}
	return seriesIn(metrics, series)
}

// seriesIn is the value of one series in the text of metrics.
func seriesIn(metrics, series string) (float64, error) {
	return valueIn(metrics, `(?m)^`+regexp.QuoteMeta(series)+` (\S+)$`)
}

// valueIn is the number in a text that a pattern has a group for.
func valueIn(text, pattern string) (float64, error) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("no %s in %.200s", pattern, text)
	}
	return strconv.ParseFloat(m[1], 64)
}

// waitValue waits until a series satisfies a condition.
func (d *daemon) waitValue(series string, good func(float64) bool) {
	d.t.Helper()
	d.eventually(series, func() error {
		v, err := d.value(series)
		if err == nil && !good(v) {
			err = fmt.Errorf("it is %v", v)
		}
		return err
	})
}

// absent waits until a series is not there.
func (d *daemon) absent(series string) {
	d.t.Helper()
	d.eventually("no "+series, func() error {
		if v, err := d.value(series); err == nil {
			return fmt.Errorf("it is %v", v)
		}
		return nil
	})
}

// longAgo is true of Unix times since which so much time has passed.
func longAgo(span time.Duration) func(float64) bool {
	return func(v float64) bool { return time.Since(time.Unix(int64(v), 0)) > span }
}

func above(limit float64) func(float64) bool { return func(v float64) bool { return v > limit } }
func equals(want float64) func(float64) bool { return func(v float64) bool { return v == want } }

// TestMetricsRules: all metrics of ours follow the rules, those of zonegen and those of the plugin in CoreDNS.
func TestMetricsRules(t *testing.T) {
	d := runZonegen(t, sharedAPI(t).kubeconfig(t))
	d.ready()
	checkMetrics(t, d.waitHTTP(d.http+"/metrics", http.StatusOK))

	port := freePort(t)
	p := runCoreDNS(t, freePort(t), fmt.Sprintf("prometheus 127.0.0.1:%d\n multicluster %s {\n directory %s\n }", port, clusterset, filepath.Dir(d.file(clusterset))))
	var ours []string
	for _, line := range strings.SplitAfter(p.waitHTTP(fmt.Sprintf("http://127.0.0.1:%d/metrics", port), http.StatusOK), "\n") {
		if regexp.MustCompile(`^(# \w+ )?coredns_multicluster_`).MatchString(line) {
			ours = append(ours, line)
		}
	}
	checkMetrics(t, strings.Join(ours, ""))
	p.stop()
}

// TestMetricsWatch follows the metrics of the watches while the API server goes away and comes back.
func TestMetricsWatch(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	heard := make(map[string]float64)
	kinds := []string{"serviceimports", "endpointslices", "namespaces"}
	series := func(name, kind string) string { return fmt.Sprintf(`zonegen_watch_%s{resource=%q}`, name, kind) }
	for _, kind := range kinds {
		d.waitValue(series("synced", kind), equals(1))
		d.waitValue(series("up", kind), equals(1))
		d.waitValue(series("lists_total", kind), equals(1))
		d.waitValue(series("last_event_timestamp_seconds", kind), func(v float64) bool {
			heard[kind] = v
			return v > float64(time.Now().Add(-patience).Unix())
		})
	}
	api.stop(t)
	for _, kind := range kinds {
		d.waitValue(series("up", kind), equals(0))
		d.waitValue(series("synced", kind), equals(1)) // what was known stays
		d.waitValue(fmt.Sprintf(`zonegen_watch_errors_total{reason="connection",resource=%q}`, kind), above(0))
	}
	api.start(t)
	for _, kind := range kinds {
		d.waitValue(series("up", kind), equals(1))
	}
	web := clusterSetIPImport(api.newNamespace(t, "watched-"), "web", []string{"10.1.0.1"}, importPort("http", corev1.ProtocolTCP, 80))
	api.create(t, web, endpointSlice(web, "east", readyEndpoint("", "10.7.0.1")))
	for _, kind := range kinds {
		d.waitValue(series("last_event_timestamp_seconds", kind), above(heard[kind]))
	}
}

// TestMetricsProgramming changes endpoints as an endpoint controller does: the changes are measured, but not what was
// there before, and not what nobody has timed.
func TestMetricsProgramming(t *testing.T) {
	api := sharedAPI(t)
	web := headlessImport(api.newNamespace(t, "programmed-"), "web", importPort("http", corev1.ProtocolTCP, 80))
	slice := endpointSlice(web, "east", readyEndpoint("", "10.7.0.1"))
	change := func(address string, at time.Time) {
		t.Helper()
		slice.Endpoints[0].Addresses[0] = address
		slice.Annotations = nil
		if !at.IsZero() {
			slice.Annotations = map[string]string{corev1.EndpointsLastChangeTriggerTime: at.UTC().Format(time.RFC3339Nano)}
		}
	}
	change("10.7.0.1", time.Now())
	api.create(t, web, slice)
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	const seconds = "zonegen_dns_programming_duration_seconds"
	const labels = `{publisher="folder",service_kind="headless"}`
	wait := func(address string, count float64) {
		t.Helper()
		d.eventually(address+" is published", func() error {
			if !strings.Contains(readFile(t, d.file(clusterset)), " A "+address+"\n") {
				return errors.New("not yet")
			}
			return nil
		})
		d.waitValue(seconds+"_count"+labels, equals(count))
	}
	wait("10.7.0.1", 0)
	api.modify(t, slice, func() { change("10.7.0.2", time.Time{}) })
	wait("10.7.0.2", 0)
	api.modify(t, slice, func() { change("10.7.0.3", time.Now().Add(-time.Hour)) }) // from before zonegen was there
	wait("10.7.0.3", 0)
	for i := range 3 {
		start := time.Now()
		address := fmt.Sprintf("10.7.1.%d", i)
		before, err := d.value(seconds + "_sum" + labels)
		if err != nil {
			t.Fatal(err)
		}
		api.modify(t, slice, func() { change(address, start) })
		wait(address, float64(i+1))
		after, err := d.value(seconds + "_sum" + labels)
		if took := after - before; err != nil || took <= 0 || took > time.Since(start).Seconds() {
			t.Errorf("%v seconds are measured of %s: %v", took, time.Since(start), err)
		}
		t.Logf("measured: %.1f ms", (after-before)*1000)
	}
	d.waitValue(`zonegen_oldest_unpublished_change_age_seconds{publisher="folder"}`, equals(0))
}

// TestMetricsReplicas: of two replicas the one that leads tells of the ConfigMap, and each of its own folder; after a
// hand-over it is the other one.
func TestMetricsReplicas(t *testing.T) {
	api := sharedAPI(t)
	ns := api.newNamespace(t, "replicas-")
	web := headlessImport(ns, "web", importPort("http", corev1.ProtocolTCP, 80))
	slice := endpointSlice(web, "east", readyEndpoint("", "10.7.0.1"))
	api.create(t, web, slice)
	start := func() *daemon {
		d := runZonegen(t, api.kubeconfig(t), "--configmap", ns+"/zones", "--configmap-min-interval", "20ms")
		d.ready()
		return d
	}
	const (
		active = `zonegen_publisher_active{publisher="configmap"}`
		serial = `zonegen_zone_serial{publisher="configmap",zone="clusterset.local."}`
		age    = `zonegen_oldest_unpublished_change_age_seconds{publisher="configmap"}`
		count  = `zonegen_dns_programming_duration_seconds_count{publisher="configmap",service_kind="headless"}`
	)
	check := func(leader, follower *daemon, address string) {
		t.Helper()
		leader.waitValue(active, equals(1))
		leader.waitValue(serial, above(0))
		follower.waitValue(active, equals(0))
		follower.absent(serial)
		api.modify(t, slice, func() {
			slice.Endpoints[0].Addresses[0] = address
			slice.Annotations = map[string]string{corev1.EndpointsLastChangeTriggerTime: time.Now().UTC().Format(time.RFC3339Nano)}
		})
		leader.waitValue(count, equals(1))
		for _, d := range []*daemon{leader, follower} {
			d.waitValue(strings.ReplaceAll(count, "configmap", "folder"), above(0))
			d.waitValue(age, equals(0))
			d.waitValue(`zonegen_publisher_active{publisher="folder"}`, equals(1))
		}
		follower.waitValue(count, equals(0))
	}
	first, second := start(), start()
	check(first, second, "10.7.0.2")
	checkMetrics(t, first.waitHTTP(first.http+"/metrics", http.StatusOK))
	first.stop()
	second.waitValue(active, equals(1))
	first.restart()
	first.ready()
	check(second, first, "10.7.0.3")
	second.stop()
}
