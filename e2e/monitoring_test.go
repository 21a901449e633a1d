package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/yaml"
)

const monitoring = "../deploy/monitoring"

// strictly reads a manifest as its kind's own Go type, which knows all fields there are.
func strictly[T any](t testing.TB, file string) *T {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict([]byte(readFile(t, filepath.Join(monitoring, file))), object); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return object
}

// alerts are the groups of alerting rules.
func alerts(t testing.TB) []monitoringv1.RuleGroup {
	t.Helper()
	return strictly[monitoringv1.PrometheusRule](t, "prometheusrule.yaml").Spec.Groups
}

// panel is what is of interest here of a panel of a dashboard.
type panel struct {
	Title   string
	Targets []struct{ Expr string }
}

// dashboardQueries are the queries of the dashboard, with values for Grafana's variables.
func dashboardQueries(t testing.TB) []string {
	t.Helper()
	var dashboard struct {
		Panels     []panel
		Templating struct {
			List []struct {
				Name  string
				Query json.RawMessage
			}
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, filepath.Join(monitoring, "zonegen.json"))), &dashboard); err != nil {
		t.Fatal(err)
	}
	var queries []string
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries = append(queries, strings.NewReplacer("$namespace", "dns", "$__rate_interval", "5m").Replace(target.Expr))
		}
	}
	for _, variable := range dashboard.Templating.List {
		if m := regexp.MustCompile(`label_values\((\w+), \w+\)`).FindSubmatch(variable.Query); m != nil {
			queries = append(queries, string(m[1]))
		}
	}
	if len(queries) < 20 {
		t.Fatalf("the dashboard has only these queries: %q", queries)
	}
	return queries
}

// TestMonitoringQueries: Prometheus can read the rules and the queries of the dashboard, and the alerts fire when they should.
func TestMonitoringQueries(t *testing.T) {
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	for i, query := range dashboardQueries(t) {
		rules = append(rules, rule{fmt.Sprintf("dashboard:%d", i), query})
	}
	dir := t.TempDir()
	for name, groups := range map[string]any{
		"rules.yaml":     alerts(t),
		"dashboard.yaml": []any{map[string]any{"name": "dashboard", "rules": rules}},
	} {
		text, err := yaml.Marshal(map[string]any{"groups": groups})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		promtool(t, dir, "check", "rules", "--lint-fatal", name)
	}
	if err := os.WriteFile(filepath.Join(dir, "alerts.yaml"), []byte(readFile(t, "testdata/alerts.yaml")), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, dir, "test", "rules", "alerts.yaml")
}

// promtool runs promtool in a folder.
func promtool(t testing.TB, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command(tool(t, "promtool", "prometheus"), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
}

// series are the metrics of an exposition, each with the names of its labels.
type series map[string]map[string]bool

var seriesLine = regexp.MustCompile(`(?m)^(\w+)(?:\{(.*)\})? \S+$`)

func (s series) add(text string) {
	for _, m := range seriesLine.FindAllStringSubmatch(text, -1) {
		labels := s[m[1]]
		if labels == nil {
			labels = map[string]bool{}
			s[m[1]] = labels
		}
		for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			labels[label[1]] = true
		}
	}
}

// fromPrometheus are the labels that Prometheus adds to what a ServiceMonitor finds.
var fromPrometheus = []string{"namespace", "pod", "endpoint", "service", "job", "instance", "container"}

// TestMonitoringMetrics: what the dashboard and the alerts ask for is exported by the programs, with these labels.
func TestMonitoringMetrics(t *testing.T) {
	api := sharedAPI(t)
	namespace := api.newNamespace(t, "monitoring-")
	web := headlessImport(namespace, "web")
	slice := endpointSlice(web, "east", readyEndpoint("a", "10.1.0.1"))
	slice.Annotations = map[string]string{"endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z"}
	api.create(t, web, slice)
	d := runZonegen(t, api.kubeconfig(t), "--configmap", namespace+"/zones")
	d.ready()
	port, metricsPort := freePort(t), freePort(t)
	server := runCoreDNS(t, port, fmt.Sprintf("prometheus %s\nmulticluster clusterset.local {\n directory %s\n}\n", loopback(metricsPort), d.zones))
	serial := d.serial(clusterset)
	slice.Endpoints[0].Addresses[0] = "10.1.0.2"
	slice.Annotations["endpoints.kubernetes.io/last-change-trigger-time"] = "2026-01-01T00:00:01Z"
	if err := api.Update(t.Context(), slice); err != nil {
		t.Fatal(err)
	}
	server.eventually("a change is served", func() error {
		if d.serial(clusterset) == serial {
			return fmt.Errorf("the serial is %d", serial)
		}
		return answers(t, port, "web."+namespace+"."+svc, "A 10.1.0.2")
	})
	exported := series{}
	for _, url := range []string{d.http + "/metrics", fmt.Sprintf("http://%s/metrics", loopback(metricsPort))} {
		exported.add(server.waitHTTP(url, http.StatusOK))
	}

	queries := dashboardQueries(t)
	for _, group := range alerts(t) {
		for _, rule := range group.Rules {
			queries = append(queries, rule.Expr.String())
		}
	}
	for _, query := range queries {
		names := regexp.MustCompile(`\b(zonegen|coredns|process)_\w+`).FindAllString(query, -1)
		if len(names) == 0 {
			t.Errorf("no metric of ours is in %s", query)
		}
		known := slices.Clone(fromPrometheus)
		for _, name := range names {
			labels, there := exported[name]
			if !there {
				t.Errorf("nothing exports %s, for which %s asks", name, query)
			}
			for label := range labels {
				known = append(known, label)
			}
		}
		// Labels stand in braces before an operator, and after by and on.
		var asked []string
		for _, m := range regexp.MustCompile(`(\w+) ?(?:=~|!=|!~|=)"`).FindAllStringSubmatch(query, -1) {
			asked = append(asked, m[1])
		}
		for _, m := range regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`).FindAllStringSubmatch(query, -1) {
			asked = append(asked, strings.Split(m[1], ", ")...)
		}
		for _, label := range asked {
			if label != "" && !slices.Contains(known, label) {
				t.Errorf("no metric in %s has the label %s", query, label)
			}
		}
	}
	for _, name := range []string{"zonegen", "coredns"} { // the ports of the ServiceMonitor, by which Prometheus labels
		if !slices.ContainsFunc(strictly[monitoringv1.ServiceMonitor](t, "servicemonitor.yaml").Spec.Endpoints, func(e monitoringv1.Endpoint) bool { return e.Port == name }) {
			t.Errorf("the ServiceMonitor does not look at the port %s", name)
		}
	}
}
