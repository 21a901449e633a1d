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
	publishers []*publisher
	metrics    *metrics
	problems   problemLog
	readiness  readiness
	tried      func() // called after each publication, successful or not

	// A publisher may let go of services while the loop takes in others.
	mu    sync.Mutex
	set   *zone.Set
	state state // the newest
	guard lossGuard
}

func newDaemon(logger *slog.Logger, source watch.Source, set *zone.Set, limit lossLimit) *daemon {
	m := newMetrics()
	m.registry.MustRegister(watchMetrics{source})
	d := &daemon{
		logger:    logger,
		source:    source,
		set:       set,
		metrics:   m,
		problems:  problemLog{logger: logger, metrics: m},
		readiness: readiness{waiting: source.Waiting, unheard: func() []string { return unheard(source) }},
		guard:     lossGuard{limit: limit, logger: logger, teller: teller{to: source.TellHeld}},
		tried:     func() {},
	}
	set.HoldLosses(d.guard.judge)
	return d
}

// placeGuard returns the guard of a place, which the log knows by a name under that
// key.
func (d *daemon) placeGuard(key, name string) *placeGuard {
	return &placeGuard{limit: d.guard.limit, logger: d.logger.With(key, name), teller: teller{to: d.source.TellHeld}}
}

// publishTo adds a place for the zones, to be published to at least that far apart.
// The name is that of the kind of place, in metrics.
func (d *daemon) publishTo(name string, to place, interval time.Duration) {
	p := &publisher{
		name: name, place: to, pace: pace{interval: interval},
		logger: d.logger, metrics: d.metrics, ready: d.readiness.add(), newest: make(chan state, 1),
		source: d.source, tried: func() { d.tried() },
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
		switch changes, err := d.next(ctx); {
		case err == nil:
			d.metrics.complete.Set(1)
			d.apply(changes)
		case ctx.Err() != nil:
			return
		default:
			d.letGo()
		}
	}
}

// next returns what has changed. It ends with an error when it is time to let go what
// is held.
func (d *daemon) next(ctx context.Context) (zone.Changes, error) {
	d.mu.Lock()
	h := d.guard.held
	d.mu.Unlock()
	if h != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, h.until)
		defer cancel()
	}
	return d.source.Next(ctx)
}

func (d *daemon) apply(c zone.Changes) {
	d.logger.Debug("changes", "services", len(c.Services), "removed", len(c.Removed))
	start := time.Now()
	d.mu.Lock()
	problems := d.set.Apply(c)
	d.renew(start, c.Seen, c.Triggers, d.source.Progress())
	d.mu.Unlock()
	d.source.Tell(d.problems.report(c, problems))
}

// letGo publishes a loss that was held, if it still is.
func (d *daemon) letGo() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.guard.held == nil {
		return
	}
	d.guard.end(d.set.Held())
	d.set.LetGo()
	d.renewHeld()
}

// letGoOf publishes the loss of those services that is held here, but by another
// replica no more. A publisher may call it.
func (d *daemon) letGoOf(services []zone.Key) {
	d.mu.Lock()
	defer d.mu.Unlock()
	held := d.set.Held()
	d.set.LetGoOf(services)
	d.guard.follow(held-d.set.Held(), d.set.Held())
	d.renewHeld()
}

// renewHeld renews the state after nothing but what is held has changed. It is as new
// as before: the loop may just have got changes that are not in it.
func (d *daemon) renewHeld() {
	now := time.Now()
	d.renew(now, now, nil, watch.Progress{Returned: d.state.complete, Newest: d.state.newest})
}

// renew gives the publishers the set as it is now, with what is to be told of the
// changes: since when there is something new to render, and when they were seen, and
// with how far they go.
func (d *daemon) renew(start, seen time.Time, triggers []zone.Trigger, progress watch.Progress) {
	before := d.state
	d.state = state{before.number + 1, d.set.Snapshots(), d.set.Services(), progress.Returned, progress.Newest, d.guard.review(d.set.Held())}
	d.metrics.rendered(d.state.services, d.state.snapshots, time.Since(start))
	b := batch{d.state.number, seen, triggers}
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
}
