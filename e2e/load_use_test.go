package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// program is a process whose use of resources is followed.
type program struct {
	*process
	label   string
	metrics string // URL
	heap    string // URL of a profile, for which garbage is collected

	start use
	peak  use
	rss   []float64 // bytes, at even intervals
	live  []float64 // bytes on the heap that are no garbage, at even intervals
}

// use is what a process has of what it must give back.
type use struct{ goroutines, descriptors, watches float64 }

func (u use) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f descriptors, %.0f inotify watches", u.goroutines, u.descriptors, u.watches)
}

// or is the larger of each.
func (u use) or(v use) use {
	return use{max(u.goroutines, v.goroutines), max(u.descriptors, v.descriptors), max(u.watches, v.watches)}
}

func newProgram(p *process, label, metrics, pprof string) *program {
	return &program{process: p, label: label, metrics: metrics + "/metrics", heap: pprof + "/debug/pprof/heap?gc=1&debug=1"}
}

// use asks the program, and the kernel, what it uses now, and how large its resident set is.
func (p *program) use() (u use, rss float64, err error) {
	text, err := body(p.metrics)
	if err != nil {
		return use{}, 0, err
	}
	for name, to := range map[string]*float64{
		"go_goroutines": &u.goroutines, "process_open_fds": &u.descriptors, "process_resident_memory_bytes": &rss,
	} {
		if *to, err = seriesIn(text, name); err != nil {
			return use{}, 0, err
		}
	}
	u.watches, err = inotifyWatches(p.cmd.Process.Pid)
	return u, rss, err
}

// sample takes a sample of the memory in use, that of the heap if asked for.
func (p *program) sample(heap bool) error {
	now, rss, err := p.use()
	if err != nil {
		return fmt.Errorf("%s: %w", p.label, err)
	}
	p.rss = append(p.rss, rss)
	p.peak = p.peak.or(now)
	if !heap {
		return nil
	}
	text, err := body(p.heap)
	if err != nil {
		return fmt.Errorf("%s: %w", p.label, err)
	}
	live, err := valueIn(text, `(?m)^# HeapAlloc = (\d+)$`)
	p.live = append(p.live, live)
	return err
}

// body is that of an answer to a GET. A busy machine may need more than one.
func body(url string) (text string, err error) {
	err = poll(patience, func() error {
		status, got, err := httpGet(url)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("GET %s: %d", url, status)
		}
		text = got
		return err
	})
	return text, err
}

// inotifyWatches counts the watches of a process (proc(5), /proc/PID/fdinfo).
func inotifyWatches(pid int) (float64, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		return 0, err
	}
	watches := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, os.ErrNotExist) { // closed meanwhile
			return 0, err
		}
		for line := range bytes.Lines(text) {
			if bytes.HasPrefix(line, []byte("inotify ")) {
				watches++
			}
		}
	}
	return float64(watches), nil
}

// How much more memory may be in use after a while than before. What is alive on the heap is what the program needs for the
// clusterset, which stays as large as it was to within some percent. The resident set has garbage besides, and
// what the allocator holds for later. Apart from that, zonegen knows half a kilobyte of each chunk that nothing includes any
// more: in the first minute, some thousands come and none goes.
const (
	mostLive = 1.15
	mostRSS  = 1.25
	slack    = 1.5e6 // bytes
)

// fewestSamples is three for each quarter of the time.
const fewestSamples = 12

// grown returns what is wrong with samples at even intervals if what stands for their last quarter is more, by the slack, than so
// many times that which stands for their second: in the first, caches and journals fill. The longer the samples go on, the slower
// the growth that is found, while noise stays what it is.
func grown(samples []float64, standsFor func([]float64) float64, most float64) error {
	if len(samples) < fewestSamples {
		return fmt.Errorf("only %d samples", len(samples))
	}
	quarter := len(samples) / 4
	before, after := standsFor(samples[quarter:2*quarter]), standsFor(samples[len(samples)-quarter:])
	if after > before*most+slack {
		return fmt.Errorf("it grows: from %s in the second quarter of the time to %s in the last", mb(before), mb(after))
	}
	return nil
}

// flat returns what is wrong with the memory of the program under load. For the heap stands the smallest sample: what
// is allocated while garbage is collected counts as alive.
func (p *program) flat() error {
	rss, live := grown(p.rss, median, mostRSS), grown(p.live, slices.Min, mostLive)
	if rss != nil {
		rss = fmt.Errorf("resident set of %s: %w", p.label, rss)
	}
	if live != nil {
		live = fmt.Errorf("live heap of %s: %w", p.label, live)
	}
	return errors.Join(rss, live)
}

// outline writes some samples of many.
func outline(samples []float64) string {
	const some = 12
	var texts []string
	for i := range some {
		if len(samples) > 0 {
			texts = append(texts, fmt.Sprintf("%.1f", samples[i*(len(samples)-1)/(some-1)]/1e6))
		}
	}
	return strings.Join(texts, " ") + " MB"
}

// rest notes what the program uses before the load: the most of some looks, because what answers them comes and goes.
func (p *program) rest() {
	p.t.Helper()
	for range 20 {
		now, _, err := p.use()
		if err != nil {
			p.t.Fatal(err)
		}
		p.start = p.start.or(now)
	}
}

// rested returns an error as long as the program has more goroutines, descriptors or watches than before the load.
func (p *program) rested() error {
	now, _, err := p.use()
	if err != nil {
		return err
	}
	if now.goroutines > p.start.goroutines || now.descriptors > p.start.descriptors || now.watches != p.start.watches {
		return fmt.Errorf("%s has %v; before, it had %v", p.label, now, p.start)
	}
	return nil
}

// TestGrown: noise, steps down and what happens in the first quarter are no growth. A leak is.
func TestGrown(t *testing.T) {
	of := func(n int, at func(i int) float64) []float64 {
		var samples []float64
		for i := range n {
			samples = append(samples, at(i)*1e6)
		}
		return samples
	}
	sawtooth := func(i int) float64 { return 60 + float64(i*7%20) }
	for _, test := range []struct {
		what    string
		samples []float64
		grows   bool
	}{
		{"a minute of garbage and its collection", of(60, sawtooth), false},
		{"an hour of it", of(360, sawtooth), false},
		{"a journal that fills in the first quarter", of(60, func(i int) float64 { return sawtooth(i) + float64(min(i, 15)) }), false},
		{"memory given back", of(60, func(i int) float64 { return sawtooth(i) - float64(i/2) }), false},
		{"single peaks", of(60, func(i int) float64 { return sawtooth(i) + float64(i/8%2*i/58*100) }), false},
		{"a leak of a MB a second", of(60, func(i int) float64 { return sawtooth(i) + float64(i) }), true},
		{"a leak of 20 kB a second, for an hour", of(360, func(i int) float64 { return sawtooth(i) + float64(i)/5 }), true},
		{"a leak that begins late", of(60, func(i int) float64 { return sawtooth(i) + float64(max(0, i-40))*3 }), true},
		{"too few samples", of(8, sawtooth), true},
	} {
		if err := grown(test.samples, median, mostRSS); err == nil == test.grows {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}
