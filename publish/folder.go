package publish

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// Folder publishes snapshots as files in one folder. Its methods may be called
// at the same time; they take turns.
type Folder struct {
	options FolderOptions

	mu     sync.Mutex
	closed bool
	handle *handle               // nil after the folder went away
	zones  map[string]*zoneFile  // by origin
	chunks map[string]*chunkFile // by name
	listed bool                  // the chunks of earlier runs are among them
	lost   map[string]uint32     // serials that may have been read and lost, by origin
	round  uint64                // how many times Publish was called
	looked time.Time             // when the chunks were looked at last, one by one
	swept  time.Time             // when old chunks were looked for last
	// admitted reports that the guard has nothing against snapshots.
	admitted bool
}

// handle is an open, locked folder. All work is done relative to it, so that a
// folder that is moved away meanwhile does not get half of a publication.
type handle struct {
	root     *os.Root
	dir      *os.File // the same folder, for flock and fsync
	info     fs.FileInfo
	locked   bool
	unsynced bool      // an entry may not be on disk
	litter   bool      // a temporary file is there that is to be removed
	settled  bool      // no serial of a temporary file matters any more
	spares   bool      // large zone files become spares
	noted    bool      // other zone files in it were named in the log
	left     time.Time // the folder's time of modification after the last Publish
	out      *bufio.Writer
}

// OpenFolder opens and locks a folder, creates it if it is missing, and removes
// temporary files that a killed run left behind. One that tells a serial stays until
// the first Publish without an error.
//
// The error wraps [ErrLocked] if another Folder, in this process or another,
// has it open; otherwise it says what hinders to work there.
func OpenFolder(options FolderOptions) (*Folder, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Folder{options: options, zones: map[string]*zoneFile{}, chunks: map[string]*chunkFile{}, lost: map[string]uint32{}}
	if err := f.open(); err != nil {
		return nil, err
	}
	return f, nil
}

// Close gives the folder free for another writer. The files stay. Publishing to
// a closed folder is an error; closing it again is none.
func (f *Folder) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, z := range f.zones {
		if f.handle != nil && z.spare != nil {
			f.handle.discard(z.spare.name)
		}
	}
	return f.release()
}

// open makes f.handle a handle of the folder that the path names now.
func (f *Folder) open() error {
	path := f.options.Path
	if err := makeFolder(path); err != nil {
		return fail(path, path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return fail(path, path, err)
	}
	h := &handle{root: root, out: bufio.NewWriterSize(nil, writeSize)}
	f.handle = h
	if err := f.claim(); err != nil {
		return errors.Join(err, f.release())
	}
	return nil
}

// claim locks the folder that was just opened and cleans it.
func (f *Folder) claim() (err error) {
	h, path := f.handle, f.options.Path
	if h.dir, err = h.root.Open("."); err != nil {
		return fail(path, path, err)
	}
	if h.info, err = h.dir.Stat(); err != nil {
		return fail(path, path, err)
	}
	h.locked, err = lock(h.dir)
	switch {
	case errors.Is(err, ErrLocked):
		return fmt.Errorf("lock %s: %w; stop it or give this one another --zone-dir", path, err)
	case err != nil:
		return fail(path, path, err)
	}
	h.spares = inMemory(h.dir)
	if !h.locked {
		f.options.Logger.Debug("the filesystem has no locks: nothing stops a second zonegen here", "path", path)
	}
	f.removeLeftovers()
	return nil
}

// ensure makes sure that the handle is the folder that the path names: it may
// have been deleted and created again, or another volume mounted there.
func (f *Folder) ensure() error {
	path := f.options.Path
	if f.closed {
		return fmt.Errorf("publish to %s: %w", path, os.ErrClosed)
	}
	if f.handle != nil {
		info, err := os.Stat(path)
		switch {
		case err == nil && os.SameFile(info, f.handle.info):
			if f.handle.litter {
				f.removeLeftovers()
			}
			return nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return fail(path, path, err)
		}
		f.options.Logger.Warn("the zone folder was replaced; publishing everything again", "path", path)
		if err := f.release(); err != nil {
			f.options.Logger.Debug("cannot close the old zone folder", "path", path, "error", err)
		}
	}
	for _, z := range f.zones {
		z.forget()
		z.spare = nil
	}
	clear(f.chunks)
	f.listed = false
	return f.open()
}

// admit asks the guard, until it has nothing against the snapshots.
func (f *Folder) admit(snapshots []*zone.Snapshot) error {
	if f.admitted {
		return nil
	}
	err := f.options.Guard.admit(snapshots, FileName, func(name string) (io.ReadCloser, error) {
		info, err := f.handle.root.Lstat(name)
		if err == nil && !info.Mode().IsRegular() { // opening it may take for ever
			err = fs.ErrNotExist
		}
		if err != nil {
			return nil, err
		}
		return f.handle.root.Open(name)
	})
	if err != nil && !errors.Is(err, ErrHeld) {
		return fail(f.options.Path, f.options.Path, err)
	}
	f.admitted = err == nil
	return err
}

// release unlocks and closes the handle, if there is one.
func (f *Folder) release() error {
	h := f.handle
	if h == nil {
		return nil
	}
	f.handle = nil
	var errs []error
	if h.dir != nil {
		// Closing alone would leave the lock to a child that is about to exec.
		errs = append(errs, unlock(h.dir, h.locked), h.dir.Close())
	}
	errs = append(errs, h.root.Close())
	if err := errors.Join(errs...); err != nil {
		return fail(f.options.Path, f.options.Path, err)
	}
	return nil
}

// makeFolder creates path and whatever is missing above it with mode 0755
// whatever the umask, since the name server must get in as another user. On
// return their directory entries are on disk.
func makeFolder(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil // somebody else was quicker
		}
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	// The set-group-ID bit of a volume stays.
	if err := os.Chmod(path, info.Mode()|0o755); err != nil {
		return err
	}
	dir, err := os.Open(parent)
	if err != nil {
		return err
	}
	return errors.Join(flush(dir), dir.Close())
}
