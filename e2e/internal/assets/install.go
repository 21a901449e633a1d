package assets

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// install has fill make a folder and puts it at dir. The lock beside dir makes one of several callers do the work; it
// goes with the process that holds it, so what an interrupted one left behind may be removed by whoever holds it next.
func install(ctx context.Context, dir string, log io.Writer, fill func(tmp string) error) (err error) {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	unlock, err := lock(ctx, dir+".lock", log)
	if err != nil {
		return err
	}
	defer unlock()
	if complete(dir) == nil {
		return nil
	}
	tmp := dir + ".tmp"
	if err := errors.Join(os.RemoveAll(tmp), os.RemoveAll(dir)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tmp)) }()
	if err := os.Mkdir(tmp, 0o755); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	if err := complete(tmp); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

// lock waits for the lock on path, and says so while it waits.
func lock(ctx context.Context, path string, log io.Writer) (unlock func(), err error) {
	type result struct {
		unlock func()
		err    error
	}
	locked := make(chan result, 1)
	go func() {
		unlock, err := lockedfile.MutexAt(path).Lock()
		locked <- result{unlock, err}
	}()
	p := newProgress(log)
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case r := <-locked:
			return r.unlock, r.err
		case <-tick.C:
			p.printf("%s: waiting for another process that builds it (it holds %s)", p.elapsed(), path)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
