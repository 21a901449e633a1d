package e2e

import (
	"context"
	"os"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/clusterset-dns/zonegen/publish"
)

// How long the load test is, and how it is asked for something else.
const (
	loadEnv     = "ZONEGEN_E2E_LOAD"
	defaultLoad = time.Minute
)

// TestLoad changes a clusterset at random for a minute, or as long as the environment says, while name servers answer as
// fast as they can. Each answer is one that was right, memory and files do not grow, what was taken is given back, and in
// the end all names answer as in CoreDNS' in-memory implementation, and a secondary that followed by differences has the
// zone.
func TestLoad(t *testing.T) {
	during := durationFromEnv(t, loadEnv, defaultLoad)
	api := privateAPI(t, "v1alpha1", "v1beta1")
	c := newChurn(t, api, 1)
	sides := map[string]*loaded{"single": newLoaded(t, c, publish.Single, ramDir(t)), "chunked": newLoaded(t, c, publish.Chunked, t.TempDir())}
	ctx, stop := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	t.Cleanup(func() { stop(); _ = group.Wait() }) // before the programs end
	for _, side := range sides {
		for _, a := range side.questioners {
			group.Go(func() error { return a.run(ctx) })
		}
		group.Go(func() error { return side.secondary.run(ctx) })
		group.Go(func() error { return side.sample(ctx, min(during/samplesOfLoad, sampleEvery)) })
	}
	start := time.Now()
	c.run(ctx, during)
	for begin := time.Now(); (sides["single"].few() || sides["chunked"].few()) && time.Since(begin) < patience; {
		c.run(ctx, time.Second)
	}
	stop()
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	changes, err := c.all()
	if err != nil && during >= defaultLoad {
		t.Error(err)
	}
	t.Logf("%d changes in %s, %.0f a second: %v", changes, took.Round(time.Second), float64(changes)/took.Seconds(), c.counts)

	compareAfterLoad(t, c, sides)
	for layout, side := range sides {
		side.check(t, layout, took)
	}
	if n := sides["single"].files.reused; n == 0 {
		t.Error("on tmpfs, no zone file was made of one before")
	}
	for _, side := range sides {
		side.end(t)
	}
}

func durationFromEnv(t testing.TB, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < samplesOfLoad*100*time.Millisecond {
		t.Fatalf("%s=%s is no duration of at least %s, such as 1h", name, text, samplesOfLoad*100*time.Millisecond)
	}
	return d
}
