package publish

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// abandoned is the age at which a temporary file is taken for a dead run's
// where there is no lock to tell.
const abandoned = time.Hour

// removeLeftovers removes temporary files that this process is not writing.
// Under the lock, nobody else can be writing them either. They do no harm but
// for the room they take, so an error is only logged, and the next Publish tries
// again. Those that tell a serial stay until nothing depends on it.
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
		if !h.settled && f.learn(entry.Name()) {
			h.litter = true
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

// settle removes the leftovers that told a serial: all zones are on disk now, under
// later ones.
func (f *Folder) settle() {
	if h := f.handle; !h.settled && !h.unsynced {
		h.settled = true
		clear(f.lost)
		if h.litter {
			f.removeLeftovers()
		}
	}
}

// learn notes the serial of a leftover that is newer than the zone file, and reports
// whether it is: a crash of the machine may have undone the rename of that file after
// others had read it. All but its beginning is cut off, since its room may be what
// the next version needs: no server reads it under that name.
func (f *Folder) learn(name string) bool {
	origin, serial := f.versionOf(name)
	if serial == 0 {
		return false
	}
	zoneName, err := FileName(origin)
	if err != nil {
		return false
	}
	if _, there := f.versionOf(zoneName); there != 0 && !zone.SerialLess(there, serial) {
		return false
	}
	if lost, ok := f.lost[origin]; !ok || zone.SerialLess(lost, serial) {
		f.lost[origin] = serial
	}
	if f.handle.locked { // nobody is writing it
		f.shorten(name)
	}
	return true
}

// shorten cuts off what [Folder.versionOf] does not read. If it cannot, the file stays as
// large as it is.
func (f *Folder) shorten(name string) {
	file, err := f.handle.root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return
	}
	if info, err := file.Stat(); err == nil && info.Size() > headSize && hasOneName(info) {
		_ = file.Truncate(headSize)
	}
	_ = file.Close() // nothing was written
}

// versionOf reads the origin and the serial of a file that this package has written;
// serial 0 if it has not.
func (f *Folder) versionOf(name string) (origin string, serial uint32) {
	if info, err := f.handle.root.Lstat(name); err != nil || !info.Mode().IsRegular() {
		return "", 0 // opening it may take for ever
	}
	file, err := f.handle.root.Open(name)
	if err != nil {
		return "", 0
	}
	defer func() { _ = file.Close() }() // nothing was written
	head, err := io.ReadAll(io.LimitReader(file, headSize))
	if err != nil || !bytes.HasPrefix(head, []byte(zone.FileMark)) {
		return "", 0
	}
	rr, ok := dns.NewZoneParser(bytes.NewReader(head), ".", "").Next()
	if soa, isSOA := rr.(*dns.SOA); ok && isSOA {
		return soa.Hdr.Name, soa.Serial
	}
	return "", 0
}
