package e2e

import (
	"context"
	"fmt"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
)

// loaded is a zonegen under load with the server of its zones.
type loaded struct {
	dir         string
	port        int
	programs    [2]*program // zonegen and CoreDNS
	samples     atomic.Int32
	files       *files
	questioners []*questioner
	secondary   *ixfrClient
}

// The answers that are waited for at any time, from each server: so many that there is always something to do.
const (
	questionersUDP = 4
	questionersTCP = 1
)

// samplesOfLoad is the least number of samples of the memory, and sampleEvery the longest time between two. For one of
// heapEvery, garbage is collected: more often, it would be the test that keeps the resident set small.
const (
	samplesOfLoad = 60
	sampleEvery   = 10 * time.Second
	heapEvery     = 2
)

// newLoaded starts zonegen and its server, and waits until all is served.
func newLoaded(t testing.TB, c *churn, layout publish.Layout, dir string) *loaded {
	t.Helper()
	daemon, url := c.zonegen(t, dir, "--layout", string(layout), "--pprof")
	daemon.waitHTTP(url+"/readyz", 200)
	metrics, pprof := loopback(freePort(t)), loopback(freePort(t))
	// The journal is full after some seconds, by its size: so it does not grow.
	s := serve(t, string(layout), "", fmt.Sprintf("multicluster %s in-addr.arpa ip6.arpa {\n directory %s\n journal 100 2\n }\n"+
		" transfer {\n to *\n }\n prometheus %s\n pprof %s", clusterset, dir, metrics, pprof))
	s.waitAll(t, c.population)
	l := &loaded{
		dir: dir, port: s.port, files: newFiles(dir), secondary: newIXFRClient(s.port),
		programs: [2]*program{
			newProgram(daemon, "zonegen "+string(layout), url, url),
			newProgram(s.processes[0], "CoreDNS "+string(layout), "http://"+metrics, "http://"+pprof),
		},
	}
	for i := range questionersUDP + questionersTCP {
		network := "udp"
		if i >= questionersUDP {
			network = "tcp"
		}
		l.questioners = append(l.questioners, newQuestioner(c.chronicle, network, l.port, uint64(i)))
	}
	for _, p := range l.programs {
		p.rest()
	}
	return l
}

// few reports whether there are too few samples: on a busy machine, one takes longer than the time between two.
func (l *loaded) few() bool { return l.samples.Load() < fewestSamples*heapEvery }

// sample looks at programs and files at even intervals.
func (l *loaded) sample(ctx context.Context, every time.Duration) error {
	tick := time.Tick(every)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
		for _, p := range l.programs {
			if err := p.sample(n%heapEvery == 0); err != nil {
				return err
			}
		}
		if err := l.files.look(); err != nil {
			return err
		}
		l.samples.Add(1)
	}
}

// What tells of failures in the metrics of zonegen and of CoreDNS, and in their logs.
var (
	failureMetrics = regexp.MustCompile(`(?m)^(zonegen_publications_total{.*result="failed".*|coredns_multicluster_load_failures_total.*|coredns_panics_total) [1-9].*$`)
	errorLines     = regexp.MustCompile(`(?m)^.*(level=ERROR|\[ERROR\]|panic).*$`)
)

// check tells of one side's load, and looks for what it has left.
func (l *loaded) check(t testing.TB, layout string, took time.Duration) {
	t.Helper()
	answered, judged, cut, again := 0, 0, 0, l.secondary.again
	for _, a := range l.questioners {
		answered, judged, cut, again = answered+a.answered, judged+a.judged, cut+a.cut, again+a.again
		if a.answered == 0 {
			t.Errorf("%s answers nothing by %s", layout, a.network)
		}
	}
	t.Logf("%s: %d answers, %.0f a second, %d of them judged, %d truncated; %d incremental and %d whole transfers; the server hung up %d times; at most %d files; the zone file was %d times one of before",
		layout, answered, float64(answered)/took.Seconds(), judged, cut, l.secondary.incremental, l.secondary.whole, again, l.files.most, l.files.reused)
	for _, p := range l.programs {
		t.Logf("%s: resident set %s; live heap %s; at the start %v, at most %v", p.label, outline(p.rss), outline(p.live), p.start, p.peak)
		if err := p.flat(); err != nil {
			t.Error(err)
		}
		p.eventually(p.label+" gives back what it took", p.rested)
	}
	for _, p := range l.programs {
		text, err := body(p.metrics)
		if err != nil {
			t.Error(err)
		}
		if m := failureMetrics.FindString(text); m != "" {
			t.Errorf("%s: %s", p.label, m)
		}
		if m := errorLines.FindString(p.output()); m != "" {
			t.Errorf("%s says: %s", p.label, m)
		}
	}
}

// end stops the zonegen: the zones stay, and what they include.
func (l *loaded) end(t testing.TB) {
	t.Helper()
	if err := l.files.look(); err != nil {
		t.Error(err)
	}
	overdue := l.files.overdue()
	daemon := l.programs[0]
	if err := poll(2*publish.DefaultChunkGrace, func() error { return l.files.gone(overdue) }); err != nil { // zonegen looks every 30 s
		t.Errorf("of no use for a minute, and then for two more: %v", err)
	}
	if code := daemon.stop(); code != 0 {
		t.Errorf("%s ends with %d", daemon.label, code)
	}
	if temporary := temporaries(t, l.dir); len(temporary) > 0 {
		t.Errorf("%s has left %q", daemon.label, temporary)
	}
}
