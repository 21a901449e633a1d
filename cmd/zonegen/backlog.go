package main

import (
	"sync"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// backlog is what one publisher was given and has not published yet. It is safe
// for concurrent use.
type backlog struct {
	mu       sync.Mutex
	batches  []batch // the oldest first
	triggers int     // in them
}

// batch is what is to be told of changes once they are published.
type batch struct {
	state    int       // the number of the state that has them
	seen     time.Time // when the first of them was seen
	triggers []zone.Trigger
}

// While publications fail, a backlog does not grow for ever: later batches count
// with the last one that fits, and are not measured.
const (
	maxBatches  = 1000
	maxTriggers = 10000
)

func (l *backlog) add(b batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.triggers+len(b.triggers) > maxTriggers {
		b.triggers = nil
	}
	if n := len(l.batches); n == maxBatches {
		l.batches[n-1].state = b.state
		return
	}
	l.triggers += len(b.triggers)
	l.batches = append(l.batches, b)
}

// take removes what that state and those before it have brought, and returns the
// triggers among it.
func (l *backlog) take(state int) (triggers []zone.Trigger) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.batches) > 0 && l.batches[0].state <= state {
		triggers = append(triggers, l.batches[0].triggers...)
		l.batches = l.batches[1:]
	}
	l.triggers -= len(triggers)
	return triggers
}

// age is how long the oldest change has been waiting; 0 if none is.
func (l *backlog) age() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.batches) == 0 {
		return 0
	}
	return time.Since(l.batches[0].seen)
}
