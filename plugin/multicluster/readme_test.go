package multicluster

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/forward"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/loop"
	_ "github.com/coredns/coredns/plugin/reload"

	"github.com/prometheus/client_golang/prometheus"
)

func readme(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeExamples: CoreDNS takes the Corefiles in the README. That the plugin
// kubernetes does is its own affair, for it wants a cluster.
func TestReadmeExamples(t *testing.T) {
	examples := regexp.MustCompile("(?s)~~~ corefile\n(.*?)~~~\n").FindAllStringSubmatch(readme(t), -1)
	kubernetes := regexp.MustCompile(`(?s)    kubernetes .*?\n    }\n`)
	for _, example := range examples {
		if err := caddy.ValidateAndExecuteDirectives(input("", kubernetes.ReplaceAllString(example[1], "")), nil, true); err != nil {
			t.Errorf("%v\n%s", err, example[1])
		}
	}
	if len(examples) != 3 {
		t.Errorf("%d examples", len(examples))
	}
}

// TestReadmeMetrics: the README names all metrics, and no others.
func TestReadmeMetrics(t *testing.T) {
	var got, want []string
	for _, match := range regexp.MustCompile("\n\\* `(coredns_\\w+)\\{server,zone,view(?:,kind)?\\}`").FindAllStringSubmatch(readme(t), -1) {
		got = append(got, match[1])
	}
	descriptions := make(chan *prometheus.Desc, 100)
	for _, c := range []prometheus.Collector{zoneSerial, zoneRecords, lastLoad, loadFailures, loadDuration, freshness, transfers} {
		c.Describe(descriptions)
	}
	close(descriptions)
	for d := range descriptions {
		name := regexp.MustCompile(`fqName: "(\w+)"`).FindStringSubmatch(d.String())[1]
		want = append(want, name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the README has %v, not %v", got, want)
	}
}

// TestReadmeMetadata: the README names all labels.
func TestReadmeMetadata(t *testing.T) {
	for _, label := range []string{"kind", "namespace", "service", "port-name", "protocol", "endpoint", "cluster", "parse-error"} {
		if !strings.Contains(readme(t), "\n * `multicluster/"+label+"`") {
			t.Errorf("%s is missing", label)
		}
	}
}
