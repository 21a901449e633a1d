package publish

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/clusterset-dns/zonegen/zone"
)

// zoneFile is what is known of the file of one zone.
type zoneFile struct {
	name string
	// held is what the file holds, but for the serial. Nil: not known, so the
	// file is to be read or written.
	held *zone.Snapshot
	// serial is the newest serial that somebody may have seen, 0 if none is
	// known. It only grows, except to a forced one.
	serial uint32
	// info is the file when held was last true.
	info fs.FileInfo
	// said is what the file holds, to the octet; nothing if it was not written here.
	said said
	// spare is what the next file is made of, nil if there is none.
	spare *spare
}

// forget drops what is known of the file, but not the serial.
func (z *zoneFile) forget() { z.held, z.info, z.said = nil, nil, said{} }

// saw notes a serial that the file has or may have.
func (z *zoneFile) saw(serial uint32) {
	// RFC 1982, section 3.2.
	if z.serial == 0 || zone.SerialLess(z.serial, serial) {
		z.serial = serial
	}
}

// look brings z up to what is in the folder. If nothing is known of the file, it
// is adopted if it is the snapshot that is to be published.
func (f *Folder) look(z *zoneFile, next *zone.Snapshot) error {
	path := filepath.Join(f.options.Path, z.name)
	log := f.options.Logger.With("zone", next.Origin(), "path", path)
	if lost, ok := f.lost[next.Origin()]; ok && z.held == nil {
		z.saw(lost)
	}
	info, err := f.handle.root.Lstat(z.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if z.held != nil {
			log.Warn("the zone file is gone; writing it again")
		}
		z.forget()
		return nil
	case err != nil:
		return fail(path, f.options.Path, err)
	case z.held != nil && untouched(z.info, info):
		z.info = info // its mode or owner may be new
		return nil
	case !info.Mode().IsRegular():
		log.Warn("this is no file of ours; replacing it", "type", info.Mode().Type().String())
		z.forget()
		return nil
	}

	want := z.held
	if want == nil {
		want = next
	}
	file, err := readBack(f.handle.root, z.name, want)
	switch {
	case errors.Is(err, fs.ErrPermission):
		log.Warn("the zone file cannot be read; its serial goes on from the clock", "error", err)
		z.forget()
		return nil
	case err != nil:
		return fail(path, f.options.Path, err)
	}
	if file.same && (z.serial == 0 || z.serial == file.serial) && (f.options.Serial == 0 || f.options.Serial == file.serial) {
		z.held, z.info, z.serial = want, file.info, file.serial
		f.handle.unsynced = true // whoever put it there may not have
		return nil
	}
	switch {
	case z.held != nil:
		log.Warn("the zone file was changed by somebody else; writing it again")
	case !file.ours || file.serial == 0:
		log.Warn("the file that is there is not as zonegen writes it; replacing it", "serial", file.serial)
	}
	z.forget()
	if file.serial != 0 {
		z.saw(file.serial)
	}
	return nil
}

// untouched reports whether a file is still the one that it was, by all that
// can be seen from outside.
func untouched(was, is fs.FileInfo) bool {
	return os.SameFile(was, is) && was.Size() == is.Size() && was.ModTime().Equal(is.ModTime())
}

// write publishes a snapshot under a new serial. Seen reports whether others may have
// read it, even if there is an error.
func (f *Folder) write(z *zoneFile, next *zone.Snapshot) (seen bool, err error) {
	serial := f.options.Serial
	if serial == 0 {
		serial = zone.NextSerial(z.serial, f.options.Now())
	}
	now, spare := said{next, serial}, f.handle.keep(z)
	info, seen, err := f.handle.replace(z.name, next.Text(serial), z.spare, f.options.Mode, f.options.Owner)
	z.spare = spare
	if err != nil && spare != nil {
		z.spare = nil
		f.handle.discard(spare.name)
	}
	if seen {
		z.forget()
		z.serial = serial
	}
	if err != nil {
		return seen, fail(filepath.Join(f.options.Path, z.name), f.options.Path, err)
	}
	z.held, z.info, z.said = next, info, now
	return seen, nil
}

// dress gives an unchanged file the mode and owner that are asked for.
func (f *Folder) dress(z *zoneFile) error {
	mode, owner := f.options.Mode, f.options.Owner
	path := filepath.Join(f.options.Path, z.name)
	if z.info.Mode().Perm() != mode {
		if err := f.handle.root.Chmod(z.name, mode); err != nil {
			return fail(path, f.options.Path, err)
		}
	}
	if !owner.owns(z.info) {
		if err := f.handle.root.Lchown(z.name, owner.UID, owner.GID); err != nil {
			return fail(path, f.options.Path, err)
		}
	}
	return nil
}
