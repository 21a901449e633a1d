package main

import (
	"context"
	"log/slog"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// daemon moves changes from the source to the publisher.
type daemon struct {
	logger    *slog.Logger
	source    watch.Source
	set       *zone.Set
	snapshots []*zone.Snapshot // of the set, the newest
	publisher publisher
	metrics   *metrics
	problems  problemLog
	readiness readiness
}

func newDaemon(logger *slog.Logger, source watch.Source, set *zone.Set, options publish.FolderOptions) *daemon {
	m := newMetrics()
	return &daemon{
		logger:    logger,
		source:    source,
		set:       set,
		publisher: publisher{options: options, logger: logger, metrics: m},
		metrics:   m,
		problems:  problemLog{logger: logger, metrics: m},
		readiness: readiness{waiting: source.Waiting},
	}
}

// recheck is how often the published files are looked at although nothing has
// changed, in case somebody else touched them.
const recheck = 30 * time.Second

// loop publishes until ctx is done: the first time when the source is complete,
// then with each change, again after a failure, and now and then anyway.
func (d *daemon) loop(ctx context.Context) {
	changes, err := d.source.Next(ctx)
	if err != nil {
		return
	}
	d.metrics.complete.Set(1)
	d.apply(changes)
	pause := newPause()
	for {
		pause.after(d.publish(ctx))
		changes, err := d.next(ctx, pause.length)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			d.apply(changes)
		}
	}
}

// next waits for changes, but no longer than the pause.
func (d *daemon) next(ctx context.Context, pause time.Duration) (zone.Changes, error) {
	ctx, cancel := context.WithTimeout(ctx, pause)
	defer cancel()
	return d.source.Next(ctx)
}

func (d *daemon) apply(c zone.Changes) {
	d.logger.Debug("changes", "services", len(c.Services), "removed", len(c.Removed))
	start := time.Now()
	problems := d.set.Apply(c)
	d.snapshots = d.set.Snapshots()
	d.metrics.rendered(d.set.Services(), d.snapshots, time.Since(start))
	d.source.Tell(d.problems.report(c, problems))
}

// publish publishes the newest snapshots, and reports whether all of them are
// out.
func (d *daemon) publish(ctx context.Context) bool {
	failures := d.publisher.publish(ctx, d.snapshots)
	if ctx.Err() != nil {
		return false // there may be more of them than were found
	}
	if d.readiness.published(failures) {
		d.logger.Info("ready", "services", d.set.Services())
	}
	return len(failures) == 0
}

func (d *daemon) close() { d.publisher.close() }

// pause is the time until the next publication without a change.
type pause struct {
	length  time.Duration
	backoff wait.Backoff
}

func newPause() *pause {
	p := new(pause)
	p.after(true)
	return p
}

// after sets the pause after a publication: short after a failure, and longer
// with each one that follows.
func (p *pause) after(success bool) {
	if success {
		p.backoff = wait.Backoff{Duration: 250 * time.Millisecond, Factor: 2, Steps: 8, Cap: recheck}
		p.length = recheck
		return
	}
	p.length = p.backoff.Step()
}
