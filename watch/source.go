package watch

import (
	"context"

	"github.com/clusterset-dns/zonegen/zone"
)

// Source is where services come from.
type Source interface {
	// Run watches until ctx is done, and then returns nil; or until something
	// happens that waiting cannot help, and then returns the error. It is
	// called once.
	Run(ctx context.Context) error

	// Next returns what has changed since the last call. The first call waits
	// until the source is complete and returns the whole state, which may be
	// empty; later calls wait for a change and never return empty changes. All changes so
	// far together are, for each kind of object, one state that it had.
	//
	// Calls that follow each other closely return at most once per minimum
	// interval, and once more in every other one when nothing has changed for a
	// tenth of it. No change waits longer than the interval. There is one caller
	// at a time. The only error is that of ctx.
	Next(ctx context.Context) (zone.Changes, error)

	// Tell says on the objects themselves what was left out of them, where the
	// source has a place for that. It does not block.
	Tell(problems []zone.Problem)

	// TellHeld says something on the objects of services that are lost and whose
	// records stay for now, where the source has a place for that. It does not block.
	TellHeld(lost []zone.Key, message string)

	// Watches says how the source stands with each kind of object that it watches,
	// always the same kinds in the same order; nothing if it watches no API.
	Watches() []Watch

	// Progress says how far the source has come.
	Progress() Progress

	// CatchUp has Progress say within seconds whether the source has come to a
	// position, though there may be no change to tell of. It does not block.
	CatchUp(to Position)

	// Reachable returns a position that was given to CatchUp, but for the kinds of which
	// the API has said meanwhile that it has not come as far, the version that it has. So
	// it is when it was restored from a backup. What has come that far is no older than
	// the API was when CatchUp was called.
	Reachable(to Position) Position

	// Orphans are the services that have EndpointSlices but no ServiceImport, with the
	// number of slices: they are not among the changes. It is all of them once the
	// source is complete.
	Orphans() map[zone.Key]int

	// Waiting says what the source still waits for before it is complete, one
	// line each, fit to be shown to an operator. Once the source is complete it
	// returns nothing, whatever happens later.
	Waiting() []string
}

var (
	_ Source = (*Kubernetes)(nil)
	_ Source = (*Manifests)(nil)
)
