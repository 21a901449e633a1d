package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// state is what there is to publish.
type state struct {
	number    int // from 1
	snapshots []*zone.Snapshot
	services  int // in them
	// All that the source was told up to complete is in them, and nothing that it
	// was told after newest.
	complete, newest watch.Position
	held             *holding // what is in them although it is gone; nil if nothing is
}

// publisher brings the newest state to one place, at its own pace: one that is
// slow or fails does not hold up the others. It tells the log, the metrics and
// the readiness of it.
type publisher struct {
	name    string // in metrics
	place   place
	pace    pace
	logger  *slog.Logger
	metrics *metrics
	ready   func(o outcome, failures []string) (becameReady bool)
	newest  chan state // has room for one
	tried   func()     // called after each publication, successful or not
	source  watch.Source
	backlog backlog
	told    map[string]time.Time // when the log was told of a failure, by its text
}

// give hands over a state in place of an older one that is still waiting. It does
// not block. There is one caller at a time.
func (p *publisher) give(s state) {
	select {
	case <-p.newest:
	default:
	}
	p.newest <- s
}

// run publishes until ctx is done: the first state and each newer one at its pace,
// again after a failure, and now and then anyway.
func (p *publisher) run(ctx context.Context) {
	defer p.place.close()
	var s state
	select {
	case s = <-p.newest:
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		s = p.latest(s)
		p.publish(ctx, s)
		p.tried()
		s = p.wait(ctx, s)
	}
}

// latest returns the newest state, after s, and how new it is by now.
func (p *publisher) latest(s state) state {
	applied := p.source.Progress().Applied // before: it is that of states that were given
	select {
	case s = <-p.newest:
	default:
	}
	s.complete = s.complete.Furthest(applied)
	return s
}

// wait returns when it is time to publish, or ctx is done.
func (p *publisher) wait(ctx context.Context, s state) state {
	timer := time.NewTimer(time.Until(p.pace.due(false)))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return s
		case s = <-p.newest:
			timer.Reset(time.Until(p.pace.due(true)))
		case <-p.place.due():
			return s
		case <-timer.C:
			return s
		}
	}
}

// publish publishes a state. When ctx is done, zones that it did not get to are no
// failures.
func (p *publisher) publish(ctx context.Context, s state) {
	start := time.Now()
	o := p.place.publish(ctx, s)
	o.results = slices.DeleteFunc(o.results, func(r publish.Result) bool {
		return ctx.Err() != nil && (errors.Is(r.Err, ctx.Err()) || errors.Is(r.Err, context.Cause(ctx)))
	})
	p.metrics.publication(p.name, o.results, time.Since(start), time.Now())
	p.metrics.active(p.name, o.ours())
	written, failures := p.tell(o.results)
	p.pace.after(time.Now(), written, len(failures) > 0)
	if ctx.Err() != nil {
		return // there may be more failures than were found
	}
	switch {
	case o.held != nil:
		p.pace.by(o.held.until)
	case o.ours():
		o.held = s.held
	}
	p.metrics.holds(p.name, o.held)
	if len(failures) == 0 && o.undecided == "" && (o.held == nil || !o.held.whole) {
		triggers := p.backlog.take(s.number)
		if o.ours() { // else whoever publishes measures
			p.metrics.programmed(p.name, triggers, time.Now())
		}
	}
	if p.ready(o, failures) {
		p.logger.Info("ready", "services", s.services)
	}
}

// repeatAfter is how often the log repeats a failure that lasts.
const repeatAfter = time.Minute

// tell logs what became of a publication, and returns what failed, a line for each
// different reason.
func (p *publisher) tell(results []publish.Result) (written bool, failures []string) {
	for _, r := range results {
		if r.Written {
			written = true
			p.logger.Info("published", "zone", r.Zone, "serial", r.Serial, "bytes", r.Bytes, "path", r.Path)
		}
		if r.Err == nil {
			continue
		}
		p.tellFailure(r)
		// What is wrong with the place is wrong with each zone.
		if line := "not published: " + r.Err.Error(); !slices.Contains(failures, line) {
			failures = append(failures, line)
		}
	}
	if len(failures) == 0 && len(p.told) > 0 {
		p.told = nil
		if len(results) > 0 {
			p.logger.Info("all zones are published again")
		}
	}
	return written, failures
}

// tellFailure logs a failure, if it is new or some time has passed.
func (p *publisher) tellFailure(r publish.Result) {
	now, text := time.Now(), r.Err.Error()
	level := slog.LevelError
	if last, ok := p.told[text]; ok && now.Sub(last) < repeatAfter {
		level = slog.LevelDebug
	} else {
		if p.told == nil {
			p.told = make(map[string]time.Time)
		}
		p.told[text] = now
	}
	p.logger.Log(context.Background(), level, "not published; trying again", "zone", r.Zone, "error", r.Err)
}
