package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// daemon moves changes from the source to the publishers.
type daemon struct {
	logger     *slog.Logger
	source     watch.Source
	set        *zone.Set
	state      state // the newest
	publishers []*publisher
	metrics    *metrics
	problems   problemLog
	readiness  readiness
}

func newDaemon(logger *slog.Logger, source watch.Source, set *zone.Set) *daemon {
	m := newMetrics()
	m.registry.MustRegister(watchMetrics{source})
	return &daemon{
		logger:    logger,
		source:    source,
		set:       set,
		metrics:   m,
		problems:  problemLog{logger: logger, metrics: m},
		readiness: readiness{waiting: source.Waiting},
	}
}

// publishTo adds a place for the zones, to be published to at least that far apart.
// The name is that of the kind of place, in metrics.
func (d *daemon) publishTo(name string, to place, interval time.Duration) {
	p := &publisher{
		name: name, place: to, pace: pace{interval: interval},
		logger: d.logger, metrics: d.metrics, ready: d.readiness.add(), newest: make(chan state, 1),
		source: d.source,
	}
	d.metrics.publisher(name, interval, &p.backlog)
	d.publishers = append(d.publishers, p)
}

// loop moves changes until ctx is done: the first when the source is complete. It
// returns when all places are closed.
func (d *daemon) loop(ctx context.Context) {
	var publishers sync.WaitGroup
	defer publishers.Wait()
	for _, p := range d.publishers {
		publishers.Go(func() { p.run(ctx) })
	}
	for {
		changes, err := d.source.Next(ctx)
		if err != nil {
			return
		}
		d.metrics.complete.Set(1)
		d.apply(changes)
	}
}

func (d *daemon) apply(c zone.Changes) {
	d.logger.Debug("changes", "services", len(c.Services), "removed", len(c.Removed))
	start := time.Now()
	problems := d.set.Apply(c)
	before := d.state
	progress := d.source.Progress()
	d.state = state{before.number + 1, d.set.Snapshots(), d.set.Services(), progress.Returned, progress.Newest}
	d.metrics.rendered(d.state.services, d.state.snapshots, time.Since(start))
	b := batch{d.state.number, c.Seen, c.Triggers}
	if b.seen.IsZero() {
		b.seen = start
	}
	differs := !slices.EqualFunc(d.state.snapshots, before.snapshots, (*zone.Snapshot).Equal)
	for _, p := range d.publishers {
		if differs { // else there is nothing to publish
			p.backlog.add(b)
		}
		p.give(d.state)
	}
	d.source.Tell(d.problems.report(c, problems))
}
