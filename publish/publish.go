package publish

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// Result says what became of one zone in a Publish.
type Result struct {
	// Zone is the origin.
	Zone string
	// Path is the file, also if it could not be written; empty if the zone can
	// have none.
	Path string
	// Serial is the serial of the file; 0 if the zone is not in its place.
	Serial uint32
	// Bytes is the size of the file, or of the root and its chunks; 0 if the zone
	// is not in its place.
	Bytes int64
	// Written reports that a new file is in its place: servers see it. If there
	// is an error as well, a crash of the machine can still undo it.
	Written bool
	// Took is the time that this zone took.
	Took time.Duration
	// Err says why the zone was not published; what to do stands in it.
	Err error
}

// Publish makes the files in the folder those of the snapshots: it writes those
// that differ, each of them atomically, and leaves the others alone. On return
// without an error all of them are on disk.
//
// The results are in the order of the snapshots. The error joins theirs; call
// Publish again, later, with the snapshots of then. When ctx is done, the zone
// in work is finished and the remaining ones have ctx's error. The error wraps
// [ErrHeld] if the guard holds the snapshots back.
func (f *Folder) Publish(ctx context.Context, snapshots []*zone.Snapshot) ([]Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	results := make([]Result, len(snapshots))
	for i, snapshot := range snapshots {
		results[i].Zone = snapshot.Origin()
	}
	err := f.ensure()
	if err == nil {
		err = f.admit(snapshots)
	}
	if err != nil {
		for i := range results {
			results[i].Err = err
		}
		return results, err
	}
	f.round++
	asLeft := f.isAsLeft()
	for i, snapshot := range snapshots {
		f.publish(ctx, snapshot, &results[i], asLeft)
	}
	f.sync(results)
	f.note(results)

	errs := make([]error, len(results))
	for i := range results {
		errs[i] = results[i].Err
	}
	err = errors.Join(errs...)
	if err == nil {
		f.sweepChunks()
		f.settle()
	}
	f.leave()
	return results, err
}

// publish publishes one zone. AsLeft says that nobody else was in the folder.
func (f *Folder) publish(ctx context.Context, snapshot *zone.Snapshot, result *Result, asLeft bool) {
	start := time.Now()
	defer func() { result.Took = time.Since(start) }()
	name, err := FileName(snapshot.Origin())
	if err != nil {
		result.Err = err
		return
	}
	result.Path = filepath.Join(f.options.Path, name)
	if ctx.Err() != nil {
		result.Err = context.Cause(ctx)
		return
	}
	z := f.zones[snapshot.Origin()]
	if z == nil {
		z = &zoneFile{name: name}
		f.zones[snapshot.Origin()] = z
	}
	size := int64(0)
	var chunks []*zone.Chunk
	if f.options.Layout == Chunked {
		var root *zone.Snapshot
		root, chunks = snapshot.Chunked()
		defer func() {
			if result.Err != nil {
				f.takeBack()
			}
		}()
		// With nothing to change there is time to look at each.
		trust := asLeft && z.held != nil && !z.held.Equal(root)
		if size, result.Err = f.putChunks(chunks, trust); result.Err != nil {
			return
		}
		snapshot = root
	}
	if result.Err = f.look(z, snapshot); result.Err != nil {
		return
	}
	if z.held != nil && z.held.Equal(snapshot) {
		z.held = snapshot // lets go of the older one
		result.Err = f.dress(z)
		f.include(chunks)
	} else {
		var seen bool
		seen, result.Err = f.write(z, snapshot)
		result.Written = result.Err == nil
		if seen {
			f.include(chunks)
		}
	}
	if result.Err == nil {
		result.Serial, result.Bytes = z.serial, size+z.info.Size()
	}
}

// sync puts the entries of the folder on disk, once for all zones. Until that
// has succeeded, no zone is reported as published.
func (f *Folder) sync(results []Result) {
	if !f.handle.unsynced {
		return
	}
	err := flush(f.handle.dir)
	if err == nil {
		f.handle.unsynced = false
		return
	}
	err = fail(f.options.Path, f.options.Path, err)
	for i := range results {
		if r := &results[i]; r.Err == nil {
			r.Err = fmt.Errorf("%s is in its place but may not be on disk: %w", r.Path, err)
		}
	}
}
