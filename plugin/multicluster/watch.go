package multicluster

import (
	"cmp"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clusterset-dns/zonegen/internal/inotify"
	"github.com/clusterset-dns/zonegen/zone"

	"github.com/fsnotify/fsnotify"
)

// watcher tells when something happens in a folder. It also sees the folder come
// to exist, go, or be replaced, since it watches all folders above it. What it
// tells are hints; who is told looks at the files.
type watcher struct {
	dir  string // absolute
	poll time.Duration
	hint func()
	open func() (*fsnotify.Watcher, error)

	notify    *fsnotify.Watcher      // nil if the system has none to give
	errs      sync.WaitGroup         // reads the errors of notify
	overflows chan struct{}          // gets something when there was one
	folders   []string               // dir and those above it, the root first
	known     map[string]fs.FileInfo // what is watched
	blind     bool                   // something cannot be watched, and that was said
}

// defaultPoll is how often the files are looked at without being told, also
// where that was turned off but watching does not work.
const defaultPoll = 30 * time.Second

func newWatcher(dir string, poll time.Duration, hint func()) *watcher {
	w := &watcher{
		dir: dir, poll: poll, hint: hint, open: fsnotify.NewWatcher,
		overflows: make(chan struct{}, 1), known: make(map[string]fs.FileInfo),
	}
	for at := dir; ; at = filepath.Dir(at) {
		w.folders = append([]string{at}, w.folders...)
		if at == filepath.Dir(at) {
			return w
		}
	}
}

// run watches until the context is done. Then nothing of it is left.
func (w *watcher) run(ctx context.Context) {
	defer w.end()
	ticker := time.NewTicker(max(w.poll, 1))
	defer ticker.Stop()
	look := func() {
		w.follow()
		switch {
		case w.poll > 0:
		case w.blind:
			ticker.Reset(defaultPoll)
		default:
			ticker.Stop()
		}
		w.hint()
	}
	for look(); ; {
		var events chan fsnotify.Event
		if w.notify != nil {
			events = w.notify.Events
		}
		select {
		case <-ctx.Done():
			return
		case event := <-events:
			if w.concerns(event) {
				look()
			}
		case <-w.overflows:
			look()
		case <-ticker.C:
			look()
		}
	}
}

// begin asks the system for notifications, if there are none yet.
func (w *watcher) begin() error {
	if w.notify != nil {
		return nil
	}
	n, err := w.open()
	if err != nil {
		return err
	}
	w.notify = n
	// Nobody may be waiting for an error to be read while a folder is added.
	w.errs.Go(func() {
		for range n.Errors {
			select {
			case w.overflows <- struct{}{}:
			default:
			}
		}
	})
	return nil
}

func (w *watcher) end() {
	if w.notify != nil {
		_ = w.notify.Close() // there is nothing to lose
	}
	w.errs.Wait()
}

// concerns reports whether an event can be one of the zones' files. It forgets a folder
// that is gone: that ends the watch, even if it comes back. While zonegen writes a
// file, there are many events of it before it gets the name that counts.
func (w *watcher) concerns(event fsnotify.Event) bool {
	if filepath.Dir(event.Name) == w.dir {
		return !strings.HasPrefix(filepath.Base(event.Name), zone.TempPrefix)
	}
	if !slices.Contains(w.folders, event.Name) {
		return false
	}
	if event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) {
		w.forget(event.Name)
	}
	return true
}

func (w *watcher) forget(folder string) {
	_ = w.notify.Remove(folder) // it may be gone by itself
	delete(w.known, folder)
}

// follow watches the folders as they are now. What could not be watched is tried again
// each time.
func (w *watcher) follow() {
	trouble := w.begin()
	if trouble == nil {
		trouble = w.watchFolders()
	}
	switch {
	case trouble != nil && !w.blind:
		log.Warningf("%s cannot be watched: %v; it is looked at every %s instead", w.dir, inotify.Explain(trouble), cmp.Or(w.poll, defaultPoll))
	case trouble == nil && w.blind:
		log.Infof("%s is watched again", w.dir)
	}
	w.blind = trouble != nil
}

// watchFolders watches those folders that are not watched yet. The error is that of the
// last one that there is.
func (w *watcher) watchFolders() (trouble error) {
	for _, f := range w.folders {
		info, err := os.Stat(f)
		if err == nil && os.SameFile(info, w.known[f]) {
			trouble = nil
			continue
		}
		if w.known[f] != nil {
			w.forget(f)
		}
		if err != nil {
			continue
		}
		if trouble = w.notify.Add(f); trouble == nil {
			w.known[f] = info
		}
	}
	return trouble
}
