package watch

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/clusterset-dns/zonegen/internal/inotify"
)

// paceOfFiles is how files are followed.
type paceOfFiles struct {
	quiet time.Duration // without a notification before files are read
	most  time.Duration // since the first notification until they are read anyway
	poll  time.Duration // between readings without any notification
}

// Files are not written at once: an editor renames, copying truncates first and
// then fills. Polling is for what sends no notifications: some network and
// overlay filesystems, links that change far away, watches that ran out.
var usualPace = paceOfFiles{quiet: 50 * time.Millisecond, most: time.Second, poll: 30 * time.Second}

// notifier tells when files may have changed.
//
// It watches folders, not files, since files are replaced by renaming and the
// watch of a file stays with the old one; and mounted ConfigMaps change by
// replacing the link ..data.
type notifier struct {
	m       *Manifests
	watcher *fsnotify.Watcher // nil if there is none: then there is only polling
	names   map[string]bool   // files and folders that matter under whatever name
	blind   bool              // something is not watched, and that was said
}

func (n *notifier) close() {
	if n.watcher == nil {
		return
	}
	if err := n.watcher.Close(); err != nil {
		n.m.logger.LogAttrs(context.Background(), slog.LevelDebug, "cannot end the notifications of files", slog.Any("error", err))
	}
}

// tell says, once, that there is only polling, and when that is over.
func (n *notifier) tell(trouble error) {
	switch {
	case trouble != nil && !n.blind:
		n.m.logger.LogAttrs(context.Background(), slog.LevelWarn, "changes of manifests are seen only by polling",
			slog.Duration("every", n.m.pace.poll), slog.Any("error", inotify.Explain(trouble)))
	case trouble == nil && n.blind:
		n.m.logger.LogAttrs(context.Background(), slog.LevelInfo, "changes of manifests are notified again")
	}
	n.blind = trouble != nil
}

// follow watches every folder that matters now: of each path the one that it is
// in and, through links, the one that it really is in; and folders themselves.
// What could not be watched is tried again each time.
func (n *notifier) follow() {
	n.names = map[string]bool{}
	if n.watcher == nil {
		watcher, err := fsnotify.NewWatcher()
		if err != nil {
			n.tell(err)
			return
		}
		n.watcher = watcher
	}
	var trouble error
	for _, path := range n.m.options.Paths {
		if isStream(path) {
			continue
		}
		trouble = cmp.Or(trouble, n.add(path))
		if target, err := filepath.EvalSymlinks(path); err == nil && target != path {
			trouble = cmp.Or(trouble, n.add(target))
		}
	}
	n.tell(trouble)
}

// add watches what matters of a path. The error is the first one.
func (n *notifier) add(path string) (trouble error) {
	n.names[path] = true
	folders := []string{filepath.Dir(path)}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		if inside, err := n.m.folders(path); err == nil {
			folders = append(folders, inside...)
		}
	}
	for _, folder := range folders {
		n.names[folder] = true
		if err := n.watcher.Add(folder); err != nil && !os.IsNotExist(err) {
			trouble = cmp.Or(trouble, fmt.Errorf("%s cannot be watched: %w", folder, err))
		}
	}
	return trouble
}

// matters reports whether a notification can be about a manifest.
func (n *notifier) matters(event fsnotify.Event) bool {
	if event.Op == fsnotify.Chmod && !n.names[event.Name] {
		return false
	}
	base := filepath.Base(event.Name)
	switch {
	case n.names[event.Name], isManifest(event.Name), strings.HasPrefix(base, ".."):
		return true
	}
	// A new folder, in one that is read with all that is in it. Those that were
	// there before are among the names.
	if !n.m.options.Recursive || !event.Has(fsnotify.Create) || strings.HasPrefix(base, ".") {
		return false
	}
	info, err := os.Lstat(event.Name)
	return err == nil && info.IsDir()
}

// wait returns true when the files should be read again, and false when ctx is
// done.
func (n *notifier) wait(ctx context.Context) bool {
	var events chan fsnotify.Event
	var errs chan error
	if n.watcher != nil {
		events, errs = n.watcher.Events, n.watcher.Errors
	}
	poll := time.NewTimer(n.m.pace.poll)
	defer poll.Stop()
	var quiet, most <-chan time.Time
	for {
		select {
		case event := <-events:
			event.Name = filepath.Clean(event.Name)
			if !n.matters(event) {
				continue
			}
			quiet = time.After(n.m.pace.quiet)
			if most == nil {
				most = time.After(n.m.pace.most)
			}
		case err := <-errs:
			n.m.logger.LogAttrs(ctx, slog.LevelDebug, "notifications of files were lost", slog.Any("error", err))
			return ctx.Err() == nil
		case <-quiet:
			return true
		case <-most:
			return true
		case <-poll.C:
			return true
		case <-ctx.Done():
			return false
		}
	}
}
