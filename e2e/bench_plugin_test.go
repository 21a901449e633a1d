package e2e

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
)

// measureFirstLoad compares the plugin's first load of a zone with file.Parse, by the plugin's own benchmark.
func measureFirstLoad(b testing.TB, s *scene) {
	ratio, figures := pluginBenchmark(b, s, "Load", "x/file.Parse")
	theirs := time.Duration(figures["s/file.Parse"] * float64(time.Second))
	s.found(finding{
		what: fmt.Sprintf("first load of %s records in the plugin", label(s.largest())), peer: "file.Parse",
		ours: seconds(time.Duration(median(ratio) * float64(theirs))), their: seconds(theirs),
		ratios: ratio, atMost: 0.25,
	})
}

// measureHeap compares the heap of a loaded zone with that of file.
func measureHeap(b testing.TB, s *scene) {
	ratio, figures := pluginBenchmark(b, s, "Heap", "x/file")
	s.found(finding{
		what: fmt.Sprintf("heap of the plugin for %s records", label(s.largest())), peer: "file",
		ours: mb(figures["MB"] * 1e6), their: mb(figures["MB-file"] * 1e6), ratios: ratio, atMost: 0.7,
	})
}

// pluginBenchmark runs a benchmark of the plugin some times, each in a process without anything else. It returns the
// ratios, which have this unit, and the figures of the last run.
func pluginBenchmark(b testing.TB, s *scene, name, unit string) ([]float64, map[string]float64) {
	b.Helper()
	short := map[synthetic.Size]string{synthetic.Small: "64k", synthetic.Large: "1M"}[s.largest()]
	var ratios []float64
	var figures map[string]float64
	rounds := 3
	if s.quick {
		rounds = 1
	}
	for range rounds {
		out, err := exec.Command("go", "test", "-C", "..", "-run", "^$", "-bench", fmt.Sprintf("^Benchmark%s$/^%s$", name, short),
			"-benchtime", "1x", "./plugin/multicluster").CombinedOutput()
		if err != nil {
			b.Fatalf("go test: %v\n%s", err, out)
		}
		line := regexp.MustCompile(`(?m)^Benchmark.*$`).Find(out)
		fields := strings.Fields(string(line))
		figures = make(map[string]float64)
		for i := 2; i+1 < len(fields); i += 2 { // after the name and the number of iterations: values and units
			if figures[fields[i+1]], err = strconv.ParseFloat(fields[i], 64); err != nil {
				b.Fatalf("%s: %v", line, err)
			}
		}
		if figures[unit] == 0 {
			b.Fatalf("no %s in\n%s", unit, out)
		}
		ratios = append(ratios, figures[unit])
	}
	return ratios, figures
}
