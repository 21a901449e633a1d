package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/clusterset-dns/zonegen/check"
	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// withTimeout returns a context that ends after --timeout, which is without end if
// it is 0.
func withTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("gave up after --timeout %s", timeout))
}

// firstState returns the whole state of a source, which then ends.
func firstState(ctx context.Context, source watch.Source, logger *slog.Logger) (zone.Changes, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed, first := make(chan error, 1), make(chan zone.Changes, 1)
	go func() {
		if err := source.Run(ctx); err != nil {
			failed <- err
		}
	}()
	go func() {
		if changes, err := source.Next(ctx); err == nil {
			first <- changes
		}
	}()
	progress := time.NewTicker(5 * time.Second)
	defer progress.Stop()
	for {
		select {
		case changes := <-first:
			return changes, nil
		case err := <-failed:
			return zone.Changes{}, err
		case <-ctx.Done():
			return zone.Changes{}, fmt.Errorf("%w; waiting for %s", context.Cause(ctx), strings.Join(source.Waiting(), "; "))
		case <-progress.C:
			logger.Info("waiting", "for", strings.Join(source.Waiting(), "; "))
		}
	}
}

// readSnapshots reads the records of all zones of a set, without serials.
func readSnapshots(set *zone.Set) ([]*check.Zone, error) {
	var zones []*check.Zone
	for _, s := range set.Snapshots() {
		text := s.Buffers(0)
		z, err := check.Read(&text, check.Source{Name: clusterPlace, Origin: s.Origin()})
		if err != nil {
			return nil, err
		}
		zones = append(zones, z)
	}
	return zones, nil
}
