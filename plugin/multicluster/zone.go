package multicluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// fileZone is a zone and the file that it comes from. One goroutine loads it, any
// number of them answer from it.
type fileZone struct {
	name    string
	series  series
	path    string
	current atomic.Pointer[snapshot] // nil until it has loaded
	loaded  chan struct{}            // closed then
	kicked  chan struct{}            // the file may have changed

	// What follows belongs to the goroutine that loads.
	loader   *loader
	seen     fs.FileInfo // the file as it was read last
	included []included
	retry    bool   // the last load failed for something outside of that file
	trouble  string // why the zone does not load; logged once
	onLoad   func()
}

func newZone(o options) *fileZone {
	return &fileZone{
		name:   o.zone,
		series: series{zone: o.zone},
		path:   filepath.Join(o.dir, "db."+strings.TrimSuffix(o.zone, ".")),
		loaded: make(chan struct{}),
		kicked: make(chan struct{}, 1),
		loader: newLoader(o),
		onLoad: func() {},
	}
}

// kick has the file looked at, soon.
func (z *fileZone) kick() {
	select {
	case z.kicked <- struct{}{}:
	default: // it will be, anyway
	}
}

// run loads the zone whenever it is kicked, until the context is done.
func (z *fileZone) run(ctx context.Context) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-z.kicked:
		case <-again.C:
		}
		if wait := z.check(ctx); wait > 0 {
			again.Reset(wait)
		}
	}
}

// check loads the zone if its file has changed. If the file is still being
// written, it returns how long to wait.
func (z *fileZone) check(ctx context.Context) (wait time.Duration) {
	if !z.retry && !z.changed() {
		return 0
	}
	start := time.Now()
	s, wait, err := z.load(ctx)
	switch {
	case ctx.Err() != nil:
		return 0
	case wait > 0:
		return wait
	case err != nil:
		z.series.failed()
		if text := err.Error(); text != z.trouble {
			z.trouble = text
			log.Errorf("Zone %s does not load, %s: %s: %v", z.name, z.keeps(), z.path, err)
		}
	default:
		z.serve(s, start)
	}
	return 0
}

// changed reports whether a file is not the one that was read last.
func (z *fileZone) changed() bool {
	info, err := os.Stat(z.path)
	if err != nil || !sameFile(info, z.seen) {
		return true
	}
	for _, f := range z.included {
		info, err := os.Stat(filepath.Join(filepath.Dir(z.path), f.name))
		if err != nil || !sameFile(info, f.info) {
			return true
		}
	}
	return false
}

func (z *fileZone) keeps() string {
	if s := z.current.Load(); s != nil {
		return fmt.Sprintf("serial %d is still served", s.serial())
	}
	return "its names get SERVFAIL"
}

// load reads the file. The snapshot is nil if nothing is new.
func (z *fileZone) load(ctx context.Context) (s *snapshot, wait time.Duration, err error) {
	f, err := openFolder(z.path, z.loader.limits)
	if err != nil {
		z.retry = true
		return nil, 0, err
	}
	defer f.close()
	if wait := f.busy(); wait > 0 {
		z.retry = true
		return nil, wait, nil
	}
	s, err = z.loader.load(ctx, f)
	z.seen, z.included = f.info, f.plain
	var outside *fs.PathError
	z.retry = err != nil && (f.any || errors.As(err, &outside))
	if errors.Is(err, errBusy) {
		return nil, calm, nil
	}
	return s, 0, err
}

// serve makes a version the current one, if it is not nil.
func (z *fileZone) serve(s *snapshot, start time.Time) {
	z.series.succeeded()
	if z.trouble != "" {
		log.Infof("Zone %s loads again", z.name)
		z.trouble = ""
	}
	if s == nil {
		return
	}
	before := z.current.Swap(s)
	z.series.observe(before, s, start)
	switch {
	case before == nil:
		log.Infof("Zone %s: serial %d, %d records", z.name, s.serial(), s.records)
		close(z.loaded)
	case zone.SerialLess(s.serial(), before.serial()):
		log.Warningf("Zone %s: the serial went back from %d to %d, and secondaries do not follow", z.name, before.serial(), s.serial())
	case before.serial() == s.serial():
		log.Warningf("Zone %s: it changed, but serial %d did not, and secondaries do not follow", z.name, s.serial())
	default:
		log.Debugf("Zone %s: serial %d, %d records", z.name, s.serial(), s.records)
	}
	z.onLoad()
}
