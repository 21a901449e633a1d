package watch

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// queue remembers what has changed until it is asked for, and keeps the pace.
//
// Marking never blocks, and marking a thing twice is the same as once, so its
// size is bounded by the number of services and namespaces, however many events
// there are.
type queue struct {
	interval time.Duration
	complete chan struct{} // closed by open
	open     func()        // the first state is there; may be called repeatedly
	wake     chan struct{} // holds a token when something may be dirty

	mu      sync.Mutex
	dirty   dirty
	changed Position // of the newest list or change
	heard   Position // of the newest sign of life
	taken   Position // what was heard before next took what it has returned last
	applied Position // the same of the one before, or later
	out     bool     // next has taken something, and was not called since

	// Of next only, which has one caller at a time.
	delivered bool      // whether the first state was handed out
	first     time.Time // when that was
	last      time.Time // when next returned last
	early     bool      // whether that was before the end of the interval
}

// dirty names what has changed.
type dirty struct {
	services   map[zone.Key]time.Time // and the first of its triggers, zero if there is none
	namespaces map[string]struct{}
	seen       time.Time // when the first of it became dirty
	position   Position  // that the source has reached with it
}

func newDirty() dirty {
	return dirty{services: map[zone.Key]time.Time{}, namespaces: map[string]struct{}{}}
}

func (d dirty) empty() bool { return len(d.services)+len(d.namespaces) == 0 }

// mark marks a service. A zero trigger says that nobody knows when it changed.
func (d dirty) mark(key zone.Key, trigger time.Time) {
	if known := d.services[key]; trigger.IsZero() || !known.IsZero() && known.Before(trigger) {
		trigger = known
	}
	d.services[key] = trigger
}

func newQueue(interval time.Duration) *queue {
	q := &queue{
		interval: interval,
		complete: make(chan struct{}),
		wake:     make(chan struct{}, 1),
		dirty:    newDirty(),
		changed:  Position{},
		heard:    Position{},
	}
	q.open = sync.OnceFunc(func() { close(q.complete) })
	return q
}

// touch marks all that more names as changed, which may be nothing.
func (q *queue) touch(more dirty) {
	q.mu.Lock()
	if q.dirty.seen.IsZero() && !more.empty() {
		q.dirty.seen = time.Now()
	}
	maps.Copy(q.changed, more.position)
	maps.Copy(q.heard, more.position)
	for key, trigger := range more.services {
		q.dirty.mark(key, trigger)
	}
	maps.Copy(q.dirty.namespaces, more.namespaces)
	q.mu.Unlock()
	if more.empty() {
		return
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// hear notes that the source has come to a version of a kind without a change.
func (q *queue) hear(kind, version string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.heard.reach(kind, version)
}

// behind returns the kinds of which other is further on than the source has come.
func (q *queue) behind(other Position) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.heard.Behind(other)
}

// progress says how far what next has returned has come.
func (q *queue) progress() Progress {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.out && q.dirty.empty() {
		q.applied = maps.Clone(q.heard)
	}
	return Progress{Returned: q.taken, Applied: q.applied, Newest: maps.Clone(q.changed)}
}

// apply notes that whoever calls next is done with what it has returned.
func (q *queue) apply() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.applied, q.out = q.taken, false
}

// isComplete reports whether open was called.
func (q *queue) isComplete() bool {
	select {
	case <-q.complete:
		return true
	default:
		return false
	}
}

// next waits until it is time for a batch and returns what build makes of all
// that is dirty when it calls take, once, which it does while nothing changes: what
// became dirty later would be in the batch in part. Batches that turn out to be empty
// are not handed out, but for the first, and do not count for the pace.
func (q *queue) next(ctx context.Context, build func(take func() dirty) zone.Changes) (zone.Changes, error) {
	select {
	case <-q.complete:
	case <-ctx.Done():
	}
	for {
		q.apply()
		if err := q.wait(ctx); err != nil {
			return zone.Changes{}, err
		}
		var seen time.Time
		changes := build(func() dirty {
			d := q.take()
			seen = d.seen
			return d
		})
		if q.delivered {
			changes.Seen = seen
			changes.Triggers = slices.DeleteFunc(changes.Triggers, func(t zone.Trigger) bool { return t.At.Before(q.first) })
		} else { // how old the first state is, nobody knows
			changes.Triggers, q.first = nil, time.Now()
		}
		if !q.delivered || !empty(changes) {
			q.delivered, q.last = true, time.Now()
			return changes, nil
		}
	}
}

// wait returns when there is something to hand out and the pace allows it. It
// takes nothing, so that an error loses nothing.
func (q *queue) wait(ctx context.Context) error {
	for q.delivered && !q.isDirty() {
		select {
		case <-q.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if rest := q.interval - time.Since(q.last); q.delivered && rest > 0 {
		q.early = q.pause(ctx, rest)
	} else {
		q.early = false
	}
	return ctx.Err()
}

// quietShare is the share of the interval without a change after which a burst counts
// as over.
const quietShare = 10

// pause waits for the rest of an interval. It ends early when a burst seems to be
// over, so that its last change, for which nobody else will come, does not wait in
// vain; but not twice in a row, as there are bursts with pauses.
func (q *queue) pause(ctx context.Context, rest time.Duration) (early bool) {
	end := time.NewTimer(rest)
	defer end.Stop()
	quiet := time.NewTimer(q.interval / quietShare)
	defer quiet.Stop()
	over := quiet.C
	if q.early {
		over = nil
	}
	for {
		select {
		case <-q.wake:
			quiet.Reset(q.interval / quietShare)
		case <-over:
			return true
		case <-end.C:
			return false
		case <-ctx.Done():
			return q.early
		}
	}
}

func (q *queue) isDirty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.dirty.empty()
}

// take returns what is dirty and forgets it. The maps are not reused: after the
// first list they would stay large for ever.
func (q *queue) take() dirty {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := q.dirty
	q.dirty = newDirty()
	q.taken, q.out = maps.Clone(q.heard), true
	return d
}

func empty(c zone.Changes) bool {
	return len(c.Services)+len(c.Removed)+len(c.Namespaces)+len(c.RemovedNamespaces) == 0
}
