package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// runFlags are the flags of zonegen run.
type runFlags struct {
	log         logFlags
	source      sourceFlags
	zones       zoneFlags
	folder      folderFlags
	minInterval time.Duration
	http        string
	pprof       bool
}

func newRunCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch a cluster, or manifests, and keep zone files true to it",
		Long: `Watch the services of a cluster, or of manifest files, and keep the zone files
true to them: db.ZONE for each zone, replaced as a whole with each change.

Nothing is written before the whole state is known, and nothing is touched that
has not changed. While the API is away the last files stay.

HTTP: /livez, /readyz (once all is known and published; says what it waits for),
/metrics, and with --pprof /debug/pprof.`,
		Example: `  # In a Pod, beside a DNS server that shares the volume /zones.
  zonegen run

  # On a laptop, with the current context of ~/.kube/config.
  zonegen run --zone-dir ./zones

  # Without a cluster: follow a folder of manifests.
  zonegen run -f examples/ --zone-dir ./zones --http 127.0.0.1:8053`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.source.register(cmd.Flags())
	f.zones.register(cmd.Flags())
	f.folder.register(cmd.Flags(), "/zones")
	f.log.register(cmd.Flags())
	cmd.Flags().DurationVar(&f.minInterval, "min-interval", 100*time.Millisecond, "least `time` between two publications in a burst of changes; the first change after quiet is published at once")
	cmd.Flags().StringVar(&f.http, "http", ":8053", "`address` of /livez, /readyz and /metrics; empty for none")
	cmd.Flags().BoolVar(&f.pprof, "pprof", false, "serve /debug/pprof as well")
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command) error {
	logger, logErr := f.log.logger(cmd.ErrOrStderr())
	set, zoneErr := f.zones.set()
	options, folderErr := f.folder.options(logger)
	var intervalErr error
	if f.minInterval < 0 || f.minInterval > time.Minute {
		intervalErr = fmt.Errorf("--min-interval %s: use 0s to 1m", f.minInterval)
	}
	if err := flagErrors(logErr, zoneErr, folderErr, intervalErr); err != nil {
		return err
	}
	source, err := f.source.source(f.minInterval, logger)
	if err != nil {
		return usageError{err}
	}
	d := &daemon{
		logger:  logger,
		source:  source,
		set:     set,
		options: options,
		metrics: newMetrics(),
	}
	defer func() {
		if d.folder != nil {
			_ = d.folder.Close() // nothing of it is unwritten
		}
	}()
	d.state.waiting = source.Waiting
	d.problems = problemLog{logger: logger, metrics: d.metrics, known: make(map[zone.Key]map[string]bool)}

	group, ctx := errgroup.WithContext(cmd.Context())
	if f.http != "" {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.http)
		if err != nil {
			return fmt.Errorf("--http %s: %w; choose another address, or none with --http ''", f.http, err)
		}
		group.Go(func() error { return serveHTTP(ctx, listener, handler(&d.state, d.metrics, f.pprof)) })
		logger.Info("serving HTTP", "address", listener.Addr().String())
	}
	group.Go(func() error { return source.Run(ctx) })
	group.Go(func() error { return d.loop(ctx) })
	err = group.Wait()
	logger.Info("stopped")
	return err
}

// daemon moves changes from the source to the publisher.
type daemon struct {
	logger   *slog.Logger
	source   watch.Source
	set      *zone.Set
	options  publish.FolderOptions
	folder   *publish.Folder // nil until it could be opened
	metrics  *metrics
	problems problemLog
	state    state
}

// recheck is how often the published files are looked at although nothing has
// changed, in case somebody else touched them.
const recheck = 30 * time.Second

// loop publishes until ctx is done.
func (d *daemon) loop(ctx context.Context) error {
	retry := newBackoff()
	for complete := false; ; {
		changes, err := d.next(ctx, complete, retry.pause)
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			complete = true
			d.metrics.complete.Set(1)
			d.apply(changes)
		}
		retry.after(d.publish(ctx))
	}
}

// next waits for changes; once the source is complete, no longer than the pause.
func (d *daemon) next(ctx context.Context, complete bool, pause time.Duration) (zone.Changes, error) {
	if complete {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, pause)
		defer cancel()
	}
	return d.source.Next(ctx)
}

func (d *daemon) apply(c zone.Changes) {
	d.logger.Debug("changes", "services", len(c.Services), "removed", len(c.Removed))
	start := time.Now()
	problems := d.set.Apply(c)
	d.metrics.rendered(d.set, d.set.Snapshots(), time.Since(start))
	d.problems.report(c, problems)
}

// publish publishes the newest state, and reports whether all of it is out.
func (d *daemon) publish(ctx context.Context) bool {
	var problems []string
	failed := func(err error) { problems = append(problems, "not published: "+err.Error()) }
	if d.folder == nil {
		var err error
		if d.folder, err = publish.OpenFolder(d.options); err != nil {
			d.logger.Error("the zone folder cannot be used; trying again", "error", err)
			failed(err)
			d.state.publication(problems)
			return false
		}
	}
	start := time.Now()
	results, err := d.folder.Publish(ctx, d.set.Snapshots())
	if ctx.Err() != nil {
		return err == nil
	}
	d.metrics.publication("folder", results, time.Since(start), time.Now())
	for _, r := range results {
		if r.Written {
			d.logger.Info("published", "zone", r.Zone, "serial", r.Serial, "bytes", r.Bytes)
		}
		if r.Err != nil {
			d.logger.Error("not published; trying again", "zone", r.Zone, "error", r.Err)
			failed(r.Err)
		}
	}
	if d.state.publication(problems) {
		d.logger.Info("ready", "services", d.set.Services())
	}
	return err == nil
}

// backoff is the pause until the next publication without a change.
type backoff struct {
	wait.Backoff
	pause time.Duration
}

func newBackoff() *backoff {
	b := new(backoff)
	b.after(true)
	return b
}

// after sets the next pause: short after a failure and longer with each one.
func (b *backoff) after(success bool) {
	if success {
		b.Backoff = wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 8, Cap: recheck}
		b.pause = recheck
		return
	}
	b.pause = b.Step()
}
