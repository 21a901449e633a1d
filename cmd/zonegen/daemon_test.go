package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
)

func TestReadyOnceComplete(t *testing.T) {
	inBubble(t, filepath.Join(t.TempDir(), "zones"), func(d *testDaemon) {
		d.pass(time.Hour)
		d.wantReadyz(503, "waiting for a first list\n")
		if _, err := os.Stat(d.folder); err == nil {
			t.Error("the folder is made before anything is known")
		}
		d.change("10.0.0.1")
		d.wantReadyz(200, "ok\n")
		if !d.holds("10.0.0.1") {
			t.Error("nothing is published")
		}
		if n := value(t, d.metrics.complete); n != 1 {
			t.Errorf("zonegen_source_complete is %v", n)
		}
		d.change("10.0.0.2")
		if !d.holds("10.0.0.2") {
			t.Error("a change is not published at once")
		}
		if n := len(d.log.times(slog.LevelInfo, "ready")); n != 1 {
			t.Errorf("the log says ready %d times", n)
		}
	})
}

// What is left out is told to the source, which makes an Event of it: once.
func TestSourceIsToldOfProblems(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		for _, address := range []string{"10.0.0.256", "10.0.0.256", "10.0.0.257", "10.0.0.1", "10.0.0.256"} {
			d.change(address)
		}
		if want := []string{"10.0.0.256", "10.0.0.257", "10.0.0.256"}; !slices.Equal(d.source.told, want) {
			t.Errorf("the source was told of %q, want %q", d.source.told, want)
		}
	})
}

// What somebody else did to the files is put right although nothing changes.
func TestRecheck(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		d.change("10.0.0.1")
		for range 3 {
			if err := os.Remove(d.path()); err != nil {
				t.Fatal(err)
			}
			d.pass(30 * time.Second)
			if !d.holds("10.0.0.1") {
				t.Error("the file that was deleted is not there 30 s later")
			}
		}
		was := len(d.log.times(slog.LevelInfo, "published"))
		d.pass(time.Hour)
		if now := len(d.log.times(slog.LevelInfo, "published")); now != was {
			t.Error("files that nobody touched are written again")
		}
	})
}

// A folder that cannot be used is tried again, with longer and longer pauses.
func TestFolderFailsAtStart(t *testing.T) {
	base := filepath.Join(t.TempDir(), "base")
	if err := os.WriteFile(base, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	inBubble(t, filepath.Join(base, "zones"), func(d *testDaemon) {
		start := time.Now()
		d.change("10.0.0.1")
		d.wantReadyz(503, "not published: stat "+d.folder+": not a directory; give --zone-dir a folder\n")
		d.pass(2 * time.Minute)
		var pauses []time.Duration
		for _, at := range d.log.times(slog.LevelDebug, notPublished) {
			pauses = append(pauses, at.Sub(start))
			start = at
		}
		const ms, s = time.Millisecond, time.Second
		if want := []time.Duration{0, 250 * ms, 500 * ms, s, 2 * s, 4 * s, 8 * s, 16 * s, 30 * s, 30 * s}; !slices.Equal(pauses[:10], want) {
			t.Errorf("attempts after pauses of %v, want %v", pauses, want)
		}
		if n := len(d.log.times(slog.LevelError, notPublished)); n != 2 {
			t.Errorf("%d errors in the log in two minutes of the same failure, want 2: at first and after one minute", n)
		}
		failed := d.metrics.publications.WithLabelValues("clusterset.local.", "folder", resultFailed)
		if n := value(t, failed); int(n) != len(pauses) {
			t.Errorf("%v failed publications are counted, want %d", n, len(pauses))
		}
		d.wantReadyz(503, "not published: ")

		if err := os.Remove(base); err != nil {
			t.Fatal(err)
		}
		d.pass(30 * time.Second)
		d.wantReadyz(200, "ok\n")
		if !d.holds("10.0.0.1") {
			t.Error("it is not published")
		}
	})
}

// Once ready, it stays so: the files are those of a moment ago.
func TestReadyThroughFailures(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		d.change("10.0.0.1")
		unblock := d.block()
		d.change("10.0.0.2")
		d.wantReadyz(200, "not published: ")
		d.pass(10 * time.Second)
		d.change("10.0.0.3") // is tried at once
		if n := len(d.log.times(slog.LevelError, notPublished)); n != 1 {
			t.Errorf("%d errors in the log, want 1", n)
		}
		unblock()
		d.pass(30 * time.Second)
		d.wantReadyz(200, "ok\n")
		if !d.holds("10.0.0.3") {
			t.Error("the newest state is not published")
		}
		if n := len(d.log.times(slog.LevelInfo, "all zones are published again")); n != 1 {
			t.Errorf("the log says %d times that it is over", n)
		}

		// The next failure is told at once again, and soon tried again.
		unblock = d.block()
		d.change("10.0.0.4")
		if n := len(d.log.times(slog.LevelError, notPublished)); n != 2 {
			t.Errorf("%d errors in the log, want 2", n)
		}
		unblock()
		d.pass(250 * time.Millisecond)
		if !d.holds("10.0.0.4") {
			t.Error("the pause after the first failure is too long")
		}
	})
}

// What the end prevents is no failure.
func TestEndIsNoFailure(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		d.change("10.0.0.1")
		d.stop()
		synctest.Wait()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		d.apply(cart("10.0.0.2"))
		p := d.publishers[0]
		p.place = &folderPlace{options: publish.FolderOptions{Path: d.folder}}
		defer p.place.close()
		p.publish(ctx, <-p.newest)
		if d.holds("10.0.0.2") {
			t.Error("it is published after the end")
		}
		if n := len(d.log.times(slog.LevelDebug, notPublished)); n != 0 {
			t.Errorf("%d failures in the log", n)
		}
		d.wantReadyz(200, "ok\n")
	})
}

// The end waits for the source, but not for ever.
func TestRunSource(t *testing.T) {
	wrong := errors.New("the manifest is wrong")
	for name, c := range map[string]struct {
		until     time.Duration // Run returns so long after the end of its context
		err, want error
		took      time.Duration
	}{
		"ends at once": {0, nil, nil, 0},
		"ends soon":    {time.Second, nil, nil, time.Second},
		"fails":        {time.Second, wrong, wrong, time.Second},
		"hangs":        {time.Hour, wrong, nil, stopGrace},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				start := time.Now()
				err := runSource(ctx, &fakeSource{run: func(ctx context.Context) error {
					<-ctx.Done()
					<-time.After(c.until)
					return c.err
				}})
				if took := time.Since(start) - time.Minute; took != c.took {
					t.Errorf("it took %s, want %s", took, c.took)
				}
				if !errors.Is(err, c.want) {
					t.Errorf("error %v, want %v", err, c.want)
				}
				<-time.After(c.until) // the bubble ends with all that is in it
			})
		})
	}
	failing := &fakeSource{run: func(context.Context) error { return wrong }}
	if err := runSource(t.Context(), failing); !errors.Is(err, wrong) {
		t.Errorf("error %v, want %v", err, wrong)
	}
}
