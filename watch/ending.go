package watch

import (
	"context"
	"log/slog"
	"time"
)

// kindEnding tells deletions that somebody wants from those that come of the end of
// the ServiceImport API. While its CRD is being deleted, discovery goes on to list
// the kind, but no longer with the verb create.
type kindEnding struct {
	k       *Kubernetes
	version string
	was     bool   // the verb create was there
	end     func() // ends the watch: what it tells is not what there will be
	ended   bool
	looked  time.Time
}

const (
	// lookPause is how long discovery is not asked again after it has said that all
	// is well, so that many deletions do not cost as many requests.
	lookPause = 20 * time.Millisecond
	// lookTime is how long a deletion waits for discovery. It is believed then.
	lookTime = 2 * time.Second
)

// look reports whether the API ends, so that a deletion is none.
func (e *kindEnding) look(ctx context.Context) bool {
	if e.ended || !e.was || time.Since(e.looked) < lookPause {
		return e.ended
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	served, creatable, err := e.k.serves(ctx, e.version)
	e.looked = time.Now()
	if err == nil && (!served || !creatable) {
		e.ended = true
		e.k.logger.LogAttrs(ctx, slog.LevelWarn, "the ServiceImport API is being deleted; the last known services stay",
			slog.String("resource", serviceImports.String()), slog.String("version", e.version))
		e.end()
	}
	return e.ended
}
