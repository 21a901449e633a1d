package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// repeatAfter is how often the log repeats a failure that lasts.
const repeatAfter = time.Minute

// publisher publishes into a folder and tells the log and the metrics of it.
type publisher struct {
	options publish.FolderOptions
	folder  *publish.Folder // nil until it could be opened
	logger  *slog.Logger
	metrics *metrics
	told    map[string]time.Time // when the log was told of a failure, by its text
}

// publish publishes snapshots and returns what failed, a line for each
// different reason. When ctx is done, zones that it did not get to are no
// failures.
func (p *publisher) publish(ctx context.Context, snapshots []*zone.Snapshot) (failures []string) {
	start := time.Now()
	results := slices.DeleteFunc(p.try(ctx, snapshots), func(r publish.Result) bool {
		return ctx.Err() != nil && errors.Is(r.Err, context.Cause(ctx))
	})
	p.metrics.publication("folder", results, time.Since(start), time.Now())
	for _, r := range results {
		if r.Written {
			p.logger.Info("published", "zone", r.Zone, "serial", r.Serial, "bytes", r.Bytes)
		}
		if r.Err == nil {
			continue
		}
		p.tell(r)
		// What is wrong with the folder is wrong with each zone.
		if line := "not published: " + r.Err.Error(); !slices.Contains(failures, line) {
			failures = append(failures, line)
		}
	}
	if len(failures) == 0 && len(p.told) > 0 {
		p.told = nil
		p.logger.Info("all zones are published again")
	}
	return failures
}

// try publishes, and opens the folder before if that was not possible yet.
func (p *publisher) try(ctx context.Context, snapshots []*zone.Snapshot) []publish.Result {
	if p.folder == nil {
		folder, err := publish.OpenFolder(p.options)
		if err != nil {
			results := make([]publish.Result, len(snapshots))
			for i, s := range snapshots {
				results[i] = publish.Result{Zone: s.Origin(), Err: err}
			}
			return results
		}
		p.folder = folder
	}
	results, _ := p.folder.Publish(ctx, snapshots) // the error is those of the results
	return results
}

// tell logs a failure, if it is new or some time has passed.
func (p *publisher) tell(r publish.Result) {
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

// close gives the folder free for another writer.
func (p *publisher) close() {
	if p.folder != nil {
		_ = p.folder.Close() // nothing of it is unwritten
	}
}
