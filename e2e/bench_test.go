package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
)

var (
	benchQuick = flag.Bool("quick", false, "benchmark with the small clusterset only")
	benchFile  = flag.String("results", "", "`file` for the results of the benchmark, in Markdown")
)

// benchSeed is that of all synthetic clustersets of the benchmark.
const benchSeed = 5

// BenchmarkPeers measures zonegen and its plugin, and in the same run what they are compared with. `make bench` runs
// it. Each row can be run alone, but those that need two sizes find nothing with -quick:
//
//	go test -run '^$' -bench '^BenchmarkPeers$/^Latency$' -benchtime 1x -timeout 0 .
//
// Each row measures ours and the peer's in turn, so that whatever else the machine does meets both, and prints what
// it finds as it goes.
func BenchmarkPeers(b *testing.B) {
	r := newReport(b)
	s := &scene{report: r, quick: *benchQuick, populations: make(map[synthetic.Size]*population)}
	s.start = func(api func(testing.TB) *population) *population { return api(b) } // lives as long as b
	for _, row := range []struct {
		name    string
		measure func(testing.TB, *scene)
	}{
		{"Queries", measureQueries},
		{"FirstLoad", measureFirstLoad},
		{"Heap", measureHeap},
		{"QueriesDuringReloads", measureReloads},
		{"Latency", measureLatency},
		{"Storm", measureStorm},
		{"RSS", measureRSS},
		{"OneChange", measureOneChange},
		{"FirstZone", measureFirstZone},
	} {
		ok := b.Run(row.name, func(b *testing.B) {
			progress("%s", row.name)
			row.measure(silent(b), s)
			b.ReportMetric(0, "ns/op") // a row has figures of its own
		})
		if !ok {
			r.failed(row.name)
		}
	}
	r.print(os.Stdout)
	if *benchFile != "" {
		if err := r.write(b, *benchFile, *benchQuick); err != nil {
			b.Fatal(err)
		}
	}
}

// scene is what the rows share.
type scene struct {
	*report
	quick       bool
	start       func(func(testing.TB) *population) *population
	populations map[synthetic.Size]*population
}

// sizes are those to measure, the small one first.
func (s *scene) sizes() []synthetic.Size {
	if s.quick {
		return []synthetic.Size{synthetic.Small}
	}
	return []synthetic.Size{synthetic.Small, synthetic.Large}
}

// largest is the last of the sizes.
func (s *scene) largest() synthetic.Size { return s.sizes()[len(s.sizes())-1] }

// population returns a clusterset in an API server of its own, which stays until the benchmark ends.
func (s *scene) population(size synthetic.Size) *population {
	if p := s.populations[size]; p != nil {
		return p
	}
	p := s.start(func(b testing.TB) *population {
		start := time.Now()
		p := populate(b, privateAPI(b, "v1alpha1", "v1beta1"), size, benchSeed)
		progress("%s records in a kube-apiserver: %d ServiceImports, %d EndpointSlices, written in %s",
			label(size), len(p.imports), len(p.slices), time.Since(start).Round(time.Second))
		return p
	})
	s.populations[size] = p
	return p
}

// label is how many records a clusterset has, as people say.
func label(size synthetic.Size) string {
	switch size {
	case synthetic.Small:
		return "64,000"
	case synthetic.Large:
		return "1,000,000"
	}
	return fmt.Sprint(size.Records())
}

// progress tells who waits what goes on.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// silentTB keeps the output of programs for the case that something fails.
type silentTB struct {
	testing.TB
	kept *lockedBuffer
}

func silent(t testing.TB) testing.TB {
	s := silentTB{t, new(lockedBuffer)}
	t.Cleanup(func() {
		if t.Failed() {
			_, _ = s.kept.WriteTo(t.Output())
		}
	})
	return s
}

func (s silentTB) Output() io.Writer { return s.kept }

// lockedBuffer is a buffer that several programs write to.
type lockedBuffer struct {
	sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.Lock()
	defer b.Unlock()
	return b.Buffer.Write(text)
}
