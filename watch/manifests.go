package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// ManifestOptions says which manifests to read, and how.
type ManifestOptions struct {
	// Paths are files, folders (their *.yaml, *.yml and *.json files, but for
	// hidden ones) or "-" for standard input. When an object stands in several
	// files, the one that comes last in this order counts.
	Paths []string
	// Recursive includes the folders inside of folders.
	Recursive bool
	// MinInterval is the least time between two returns of Next.
	MinInterval time.Duration
	// Stdin is what "-" reads; nil for that of the process.
	Stdin io.Reader
	// Logger gets what an operator should know. It must not be nil.
	Logger *slog.Logger
}

// Manifests is the [Source] that reads manifest files: documents in YAML or
// JSON with ServiceImports (v1beta1 and v1alpha1), EndpointSlices and
// Namespaces, or lists of them; objects of other kinds are ignored. Objects
// without a namespace are in "default", and a namespace exists if there is an
// object in it.
//
// Files and folders are followed; standard input, pipes and devices are read
// once. The content decides, so a file that was only touched changes nothing.
//
//   - A file that does not parse when the source starts is the end of Run.
//   - A file that no longer parses, or cannot be read, keeps its last good
//     content. The log gets an error that names file, document and line.
//   - A path that is not there any more, a file or a folder, keeps what was found
//     last until it is back. The log gets an error that names it.
//   - The objects of a file that is deleted from a folder are gone.
//
// A file larger than 64 MiB is refused, and so is a YAML document larger than 16
// MiB.
type Manifests struct {
	options ManifestOptions
	logger  *slog.Logger
	queue   *queue
	store   *store

	pace paceOfFiles

	// Of Run only.
	files map[string]*manifest
	found map[string][]string // the files of each path, as they were found last
	lost  map[string]string   // why a path cannot be read, as the log knows it
	told  map[string]struct{} // the repeated objects that the log knows of
}

// manifest is a file, as it was read last.
type manifest struct {
	known   bool     // it was read, and sum and wrong are set
	sum     [32]byte // of its content
	wrong   error    // with the content
	refused string   // why the content is not used, as the log knows it; empty if it is
	objects *objects // the last good content; nil if there was none
}

// NewManifests returns a source that reads manifests. Its errors are paths that
// do not exist, and options that make no sense; the files are read by Run.
func NewManifests(o ManifestOptions) (*Manifests, error) {
	if len(o.Paths) == 0 {
		return nil, errors.New("-f: no file, folder or - is given")
	}
	if o.MinInterval < 0 {
		return nil, fmt.Errorf("--min-interval: %s is negative", o.MinInterval)
	}
	paths := make([]string, 0, len(o.Paths))
	for _, path := range o.Paths {
		if path = cleanPath(path); slices.Contains(paths, path) {
			continue
		}
		paths = append(paths, path)
		if path == stdin {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return nil, fmt.Errorf("-f: %w", err)
		}
	}
	o.Paths = paths
	if o.Stdin == nil {
		o.Stdin = os.Stdin
	}
	queue := newQueue(o.MinInterval)
	return &Manifests{
		options: o,
		logger:  o.Logger,
		queue:   queue,
		store:   newStore(queue, o.Logger),
		pace:    usualPace,
		files:   map[string]*manifest{},
		found:   map[string][]string{},
		lost:    map[string]string{},
		told:    map[string]struct{}{},
	}, nil
}

// Run implements [Source]. Its errors are manifests that are wrong when it
// starts: all of them, each with file, document and line.
func (m *Manifests) Run(ctx context.Context) error {
	// Notifications first: what changes while the files are read is not missed.
	notifier := &notifier{m: m}
	defer notifier.close()
	notifier.follow()
	if err := m.load(ctx, true); err != nil || ctx.Err() != nil {
		return err
	}
	m.queue.open()
	for notifier.wait(ctx) {
		notifier.follow()
		if err := m.load(ctx, false); err != nil {
			return err
		}
	}
	return nil
}

// Next implements [Source].
func (m *Manifests) Next(ctx context.Context) (zone.Changes, error) {
	return m.queue.next(ctx, m.store.changes)
}

// Waiting implements [Source].
func (m *Manifests) Waiting() []string {
	if m.queue.isComplete() {
		return nil
	}
	return []string{"manifests: not all read yet"}
}
