package main

import (
	"log/slog"
	"strings"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
)

const (
	// catchUpRetry is how often a new leader looks whether it has caught up.
	catchUpRetry = 100 * time.Millisecond
	// catchUpAsk is how often it asks the API in between how far that has come.
	catchUpAsk = 5 * time.Second
)

// catchUp has a new leader wait until its state is as new as that which the one
// before it has published, or as the API is if that has gone back since. The zero value
// is that of a new term.
type catchUp struct {
	waits  bool
	asked  time.Time // when the API was asked last
	wanted watch.Position
	told   bool // that the API has gone back
}

// position is how new a state is, for comparison with what is published.
func (c *catchUp) position(source watch.Source, logger *slog.Logger, s state) publish.Position {
	return publish.Position{Text: s.newest.String(), Behind: func(text string) string {
		c.wanted = watch.ParsePosition(text)
		behind := s.complete.Behind(source.Reachable(c.wanted))
		if lost := s.complete.Behind(c.wanted); len(behind) == 0 && len(lost) > 0 && !c.told {
			c.told = true
			logger.Warn("publishing what may be older: the API has not come as far as the last leader had; was it restored from a backup?",
				"kinds", strings.Join(lost, ", "))
		}
		return strings.Join(behind, ", ")
	}}
}

// wait notes that the state is too old, because of that error, and has the source find
// out how new it is. Most often there is nothing to come: the last leader has only
// listed later.
func (c *catchUp) wait(source watch.Source, logger *slog.Logger, err error) {
	if !c.waits {
		c.waits = true
		logger.Info("waiting for changes of which the last leader knew", "cause", err)
	}
	if now := time.Now(); now.Sub(c.asked) >= catchUpAsk {
		c.asked = now
		source.CatchUp(c.wanted)
	}
}

// deaf says which kinds of objects a source does not hear of; nothing if all is well.
// What it has may be old, and it cannot tell.
func deaf(source watch.Source) string {
	if kinds := unheard(source); len(kinds) > 0 {
		return "this one does not take over while it cannot watch " + strings.Join(kinds, ", ") + ", and may know less than what is published"
	}
	return ""
}

// unheard returns the kinds of objects that a source does not hear of.
func unheard(source watch.Source) []string {
	var kinds []string
	for _, w := range source.Watches() {
		if !w.Up {
			kinds = append(kinds, w.Resource)
		}
	}
	return kinds
}
