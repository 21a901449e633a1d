package multicluster

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

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

	notify  *fsnotify.Watcher      // nil if the system has none to give
	folders []string               // dir and those above it, the root first
	known   map[string]fs.FileInfo // what is watched
	blind   bool                   // something cannot be watched, and that was said
}

// defaultPoll is how often the files are looked at without being told, also
// where that was turned off but watching does not work.
const defaultPoll = 30 * time.Second

func newWatcher(dir string, poll time.Duration, hint func()) *watcher {
	w := &watcher{dir: dir, poll: poll, hint: hint, open: fsnotify.NewWatcher, known: make(map[string]fs.FileInfo)}
	for at := dir; ; at = filepath.Dir(at) {
		w.folders = append([]string{at}, w.folders...)
		if at == filepath.Dir(at) {
			return w
		}
	}
}

// run watches until the context is done. Then nothing of it is left.
func (w *watcher) run(ctx context.Context) {
	var errs sync.WaitGroup
	overflows := make(chan struct{}, 1)
	var events chan fsnotify.Event
	if n, err := w.open(); err != nil {
		w.complain(err)
	} else {
		w.notify, events = n, n.Events
		// Nobody may be waiting for an error to be read while a folder is added.
		errs.Go(func() {
			for range n.Errors {
				select {
				case overflows <- struct{}{}:
				default:
				}
			}
		})
		defer errs.Wait()
		defer n.Close()
	}
	ticker := time.NewTicker(max(w.poll, 1))
	defer ticker.Stop()
	if w.poll == 0 {
		ticker.Stop()
	}
	look := func() {
		if w.follow(); w.blind && w.poll == 0 {
			ticker.Reset(defaultPoll)
		}
		w.hint()
	}
	for look(); ; {
		select {
		case <-ctx.Done():
			return
		case event, ok := <-events:
			if !ok {
				events = nil
			} else if w.concerns(event) {
				look()
			}
		case <-overflows:
			look()
		case <-ticker.C:
			look()
		}
	}
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

// follow watches the folders as they are now.
func (w *watcher) follow() {
	if w.notify == nil {
		return
	}
	var trouble error // with the last folder that there is
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
	if trouble != nil {
		w.complain(trouble)
	}
}

// complain says that changes will be seen late.
func (w *watcher) complain(err error) {
	if w.blind {
		return
	}
	w.blind = true
	every := w.poll
	if every == 0 {
		every = defaultPoll
	}
	log.Warningf("%s cannot be watched: %v; it is looked at every %s instead", w.dir, err, every)
}
