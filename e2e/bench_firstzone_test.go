package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// measureFirstZone compares the time from complete caches to the first zone file with that of copying it.
func measureFirstZone(b testing.TB, s *scene) {
	const rounds = 3
	p := s.population(s.largest())
	for _, where := range []struct {
		name string
		dir  string
		must float64
	}{{"tmpfs", ramDir(b), 3}, {"disk", b.TempDir(), 0}} {
		f := finding{what: fmt.Sprintf("first zone of %s records, %s", label(s.largest()), where.name), peer: "cp and sync of it", atMost: where.must}
		var ours, theirs []time.Duration
		for round := range rounds {
			first := p.firstZone(b, filepath.Join(where.dir, fmt.Sprint(round)))
			cp := copyAndSync(b, first.file, filepath.Join(where.dir, "copy"))
			progress("  round %d of %d, %s: delivery %s, rendering %s, publishing %s; cp and sync %s", round+1, rounds, where.name,
				ms(first.delivery), ms(first.rendering), ms(first.publishing), ms(cp))
			took := first.delivery + first.rendering + first.publishing
			ours, theirs = append(ours, took), append(theirs, cp)
			f.ratios = append(f.ratios, float64(took)/float64(cp))
			f.note = fmt.Sprintf("in the last round: delivery %s, rendering %s, publishing %s", ms(first.delivery), ms(first.rendering), ms(first.publishing))
		}
		f.ours, f.their = ms(median(ours)), ms(median(theirs))
		s.found(f)
	}
}

// firstZone is the time from complete caches to the file in place, in steps.
type firstZone struct {
	file                            string
	delivery, rendering, publishing time.Duration
}

// firstZone does what zonegen run --no-reverse does when it starts, in this process: only so can be told when its
// caches are complete.
func (p *population) firstZone(t testing.TB, dir string) firstZone {
	t.Helper()
	set, err := zone.NewSet(zone.Options{TTL: 5, NoReverse: true})
	if err != nil {
		t.Fatal(err)
	}
	folder, err := publish.OpenFolder(publish.FolderOptions{Path: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	source, err := watch.NewKubernetes(watch.KubernetesOptions{
		Kubeconfig: p.api.kubeconfig(t), MinInterval: changeEvery,
		UserAgent: "zonegen/bench", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC() // of the round before
	ctx, cancel := context.WithCancel(t.Context())
	ended, complete := make(chan error), make(chan time.Time, 1)
	go func() { ended <- source.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	go func() {
		for len(source.Waiting()) > 0 {
			time.Sleep(500 * time.Microsecond)
		}
		complete <- time.Now()
	}()
	changes, err := source.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	delivered := time.Now()
	set.Apply(changes)
	snapshots := set.Snapshots()
	rendered := time.Now()
	results, err := folder.Publish(ctx, snapshots)
	published := time.Now()
	if err != nil {
		t.Fatal(err)
	}
	// Not before: whoever looks at the clock 500 µs late must not look while it counts.
	return firstZone{results[0].Path, max(0, delivered.Sub(<-complete)), rendered.Sub(delivered), published.Sub(rendered)}
}

// copyAndSync copies a file by cp and waits by sync until it is where it is to be.
func copyAndSync(t testing.TB, from, to string) time.Duration {
	t.Helper()
	defer func() { _ = os.Remove(to) }()
	start := time.Now()
	for _, args := range [][]string{{"cp", from, to}, {"sync", to}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	return time.Since(start)
}
