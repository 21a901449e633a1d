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
	// catchUpTime is after how long it no longer believes that it will: versions go
	// back when the API is restored from a backup.
	catchUpTime = leaseDuration
	// catchUpAsk is how often it asks the API in between how far that has come.
	catchUpAsk = catchUpTime / 3
)

// catchUp has a new leader wait until its state is as new as that which the one
// before it has published. The zero value is that of a new term.
type catchUp struct {
	since   time.Time // when it began to wait
	asked   time.Time // when the API was asked last
	wanted  watch.Position
	givenUp bool
}

// position is how new a state is, for comparison with what is published.
func (c *catchUp) position(s state) publish.Position {
	p := publish.Position{Text: s.newest.String()}
	if c.givenUp {
		return p
	}
	p.Behind = func(text string) string {
		c.wanted = watch.ParsePosition(text)
		return strings.Join(s.complete.Behind(c.wanted), ", ")
	}
	return p
}

// wait reports whether to wait longer for the source, because of that error.
func (c *catchUp) wait(source watch.Source, logger *slog.Logger, err error) bool {
	now := time.Now()
	switch {
	case c.since.IsZero():
		c.since = now
		logger.Info("waiting for changes of which the last leader knew", "cause", err)
	case now.Sub(c.since) >= catchUpTime:
		c.givenUp = true
		logger.Warn("publishing what may be older: changes of which the last leader knew have not come; was the API restored from a backup?", "cause", err, "after", catchUpTime)
	}
	// Most often there is nothing to come: the last leader has only listed later.
	if !c.givenUp && now.Sub(c.asked) >= catchUpAsk {
		c.asked = now
		source.CatchUp(c.wanted)
	}
	return !c.givenUp
}

// deaf says which kinds of objects a source does not hear of; nothing if all is well.
// What it has may be old, and it cannot tell.
func deaf(source watch.Source) string {
	var kinds []string
	for _, w := range source.Watches() {
		if !w.Up {
			kinds = append(kinds, w.Resource)
		}
	}
	if len(kinds) == 0 {
		return ""
	}
	return "this one does not take over while it cannot watch " + strings.Join(kinds, ", ") + ", and may know less than what is published"
}
