package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
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
			cp := copyAndSync(b, first.File, filepath.Join(where.dir, "copy"))
			progress("  round %d of %d, %s: delivery %s, rendering %s, publishing %s; cp and sync %s", round+1, rounds, where.name,
				ms(first.Delivery), ms(first.Rendering), ms(first.Publishing), ms(cp))
			took := first.Delivery + first.Rendering + first.Publishing
			ours, theirs = append(ours, took), append(theirs, cp)
			f.ratios = append(f.ratios, float64(took)/float64(cp))
			f.note = fmt.Sprintf("in the last round: delivery %s, rendering %s, publishing %s", ms(first.Delivery), ms(first.Rendering), ms(first.Publishing))
		}
		f.ours, f.their = ms(median(ours)), ms(median(theirs))
		s.found(f)
	}
}

// firstZone is the time from complete caches to the file in place, in steps.
type firstZone struct {
	File                            string
	Delivery, Rendering, Publishing time.Duration
}

// firstZoneOf is in the environment of a process that makes a first zone: a kubeconfig and a folder.
const firstZoneOf = "ZONEGEN_BENCH_FIRST_ZONE"

// firstZone has a process of its own make the first zone: this one has the whole clusterset in its memory, through which
// the garbage collector would go meanwhile.
func (p *population) firstZone(t testing.TB, dir string) (first firstZone) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), firstZoneOf+"="+p.api.kubeconfig(t)+":"+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &first)
	}
	if err != nil {
		t.Fatalf("making the first zone: %v\n%s", err, out)
	}
	return first
}

// makeFirstZone does what zonegen run --no-reverse does when it starts, in this process: only so can be told when its
// caches are complete.
func makeFirstZone(ctx context.Context, kubeconfig, dir string) (first firstZone, err error) {
	debug.SetGCPercent(400) // as cmd/zonegen/garbage.go has it
	set, err := zone.NewSet(zone.Options{TTL: 5, NoReverse: true})
	if err != nil {
		return first, err
	}
	folder, err := publish.OpenFolder(publish.FolderOptions{Path: dir})
	if err != nil {
		return first, err
	}
	defer folder.Close()
	source, err := watch.NewKubernetes(watch.KubernetesOptions{
		Kubeconfig: kubeconfig, MinInterval: changeEvery,
		UserAgent: "zonegen/bench", Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return first, err
	}
	go func() { _ = source.Run(ctx) }() // to the end of the process
	complete := make(chan time.Time, 1)
	go func() {
		for len(source.Waiting()) > 0 {
			time.Sleep(500 * time.Microsecond)
		}
		complete <- time.Now()
	}()
	changes, err := source.Next(ctx)
	if err != nil {
		return first, err
	}
	delivered := time.Now()
	set.Apply(changes)
	snapshots := set.Snapshots()
	rendered := time.Now()
	results, err := folder.Publish(ctx, snapshots)
	published := time.Now()
	if err != nil {
		return first, err
	}
	// Not before: whoever looks at the clock 500 µs late must not look while it counts.
	return firstZone{results[0].Path, max(0, delivered.Sub(<-complete)), rendered.Sub(delivered), published.Sub(rendered)}, nil
}

// beFirstZone is the whole process if it was started for that.
func beFirstZone() {
	kubeconfig, dir, wanted := strings.Cut(os.Getenv(firstZoneOf), ":")
	if !wanted {
		return
	}
	first, err := makeFirstZone(context.Background(), kubeconfig, dir)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(first)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
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
