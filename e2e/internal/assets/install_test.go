package assets

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fill makes the files of a complete folder.
func fill(dir string) error {
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

func TestInstallOnceAmongMany(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "key")
	var fills atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			err := install(t.Context(), dir, t.Output(), func(tmp string) error {
				fills.Add(1)
				if complete(dir) == nil {
					t.Error("the folder is there before it is filled")
				}
				return fill(tmp)
			})
			if err == nil {
				err = complete(dir)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := fills.Load(); n != 1 {
		t.Errorf("filled %d times", n)
	}
}

func TestInstallAllOrNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "key")
	broken := errors.New("broken")
	for name, failing := range map[string]func(string) error{
		"error":      func(tmp string) error { return errors.Join(fill(tmp), broken) },
		"incomplete": func(tmp string) error { return errors.Join(fill(tmp), os.Remove(filepath.Join(tmp, "etcd"))) },
	} {
		if err := install(t.Context(), dir, t.Output(), failing); err == nil {
			t.Errorf("%s: no error", name)
		}
		for _, path := range []string{dir, dir + ".tmp"} {
			if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("%s: %s was left behind (%v)", name, path, err)
			}
		}
	}
	if err := os.Mkdir(dir+".tmp", 0o755); err != nil { // of a process that was killed
		t.Fatal(err)
	}
	if err := install(t.Context(), dir, t.Output(), fill); err != nil {
		t.Error(err)
	}
}

func TestInstallStopsWaiting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "key")
	unlock, err := lock(t.Context(), dir+".lock", t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := install(ctx, dir, t.Output(), fill); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the context's error", err)
	}
}
