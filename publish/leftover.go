package publish

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"
)

// abandoned is the age at which a temporary file is taken for a dead run's
// where there is no lock to tell.
const abandoned = time.Hour

// removeLeftovers removes temporary files that this process is not writing.
// Under the lock, nobody else can be writing them either. They do no harm but
// for the room they take, so an error is only logged, and the next Publish tries
// again.
func (f *Folder) removeLeftovers() {
	h, log := f.handle, f.options.Logger
	h.litter = false
	entries, err := fs.ReadDir(h.root.FS(), ".")
	if err != nil {
		h.litter = true
		log.Warn("cannot look for temporary files of earlier runs", "path", f.options.Path, "error", err)
		return
	}
	for _, entry := range entries {
		if !isTemp(entry.Name()) || !entry.Type().IsRegular() || f.isSpare(entry.Name()) {
			continue
		}
		if !h.locked {
			info, err := entry.Info()
			if err != nil || time.Since(info.ModTime()) < abandoned {
				continue // gone already, or perhaps being written
			}
		}
		path := filepath.Join(f.options.Path, entry.Name())
		switch err := h.root.Remove(entry.Name()); {
		case err == nil:
			log.Info("removed a temporary file that an earlier run left behind", "path", path)
		case !errors.Is(err, fs.ErrNotExist):
			h.litter = true
			log.Warn("cannot remove a temporary file that an earlier run left behind", "path", path, "error", err)
		}
	}
}
