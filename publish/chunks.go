package publish

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// chunkFile is what is known of one chunk in the folder.
type chunkFile struct {
	info fs.FileInfo // the file when its content was last known to be right
	// spare is since when no root includes it, as far as was seen; zero while one
	// does.
	spare time.Time
	round uint64 // the last Publish that used it
	// included reports that a root in the folder includes it, or may have done so: all
	// that were not written here for a root that never came into its place.
	included bool
}

// sweepAgain is how often chunks are looked for that no root includes. It is a
// look at all of them.
const sweepAgain = time.Second

// lookAgain is how often chunks are looked at, one by one, during changes that
// leave no time for it.
const lookAgain = 30 * time.Second

// isAsLeft reports whether nobody has put a file into the folder or taken one out
// of it since the last Publish, as far as its time of modification tells: that has
// the resolution of the kernel's clock, some milliseconds. So it is not relied
// upon for longer than lookAgain, and a look at each chunk, which is what publishing
// costs in a large zone, is spared in between.
func (f *Folder) isAsLeft() bool {
	info, err := f.handle.dir.Stat()
	now := f.options.Now()
	if err == nil && info.ModTime().Equal(f.handle.left) && now.Sub(f.looked).Abs() < lookAgain {
		return true
	}
	f.looked = now
	return false
}

// leave notes what isAsLeft needs.
func (f *Folder) leave() {
	f.handle.left = time.Time{}
	if info, err := f.handle.dir.Stat(); err == nil {
		f.handle.left = info.ModTime()
	}
}

// putChunks makes sure that all chunks are in the folder, and on disk: a root
// that survives a crash must not include one that does not. Those that were put
// there before are looked at again unless they can be trusted. It returns the
// size of all, in bytes.
func (f *Folder) putChunks(chunks []*zone.Chunk, trust bool) (size int64, err error) {
	for _, c := range chunks {
		size += int64(c.Size)
		known := f.chunks[c.Name]
		if known == nil {
			known = new(chunkFile)
			f.chunks[c.Name] = known
		}
		known.round, known.spare = f.round, time.Time{}
		if trust && known.info != nil {
			continue
		}
		if err := f.putChunk(c, known); err != nil {
			return 0, fail(filepath.Join(f.options.Path, c.Name), f.options.Path, err)
		}
	}
	if !f.handle.unsynced {
		return size, nil
	}
	if err := flush(f.handle.dir); err != nil {
		return 0, fail(f.options.Path, f.options.Path, err)
	}
	f.handle.unsynced = false
	return size, nil
}

// putChunk makes sure that a chunk is in the folder, and notes its file.
func (f *Folder) putChunk(c *zone.Chunk, known *chunkFile) error {
	was := known.info
	known.info = nil
	info, err := f.handle.root.Lstat(c.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case was != nil && untouched(was, info):
		known.info = info
		return nil
	default:
		known.included = true
		same := false
		if info.Mode().IsRegular() {
			if same, err = f.isChunk(c.Name); err != nil {
				return err
			}
		}
		if same {
			f.handle.unsynced = true // whoever put it there may not have
			known.info = info
			return nil
		}
		f.options.Logger.Warn("the chunk was changed by somebody else; writing it again", "path", filepath.Join(f.options.Path, c.Name))
	}
	known.info, _, err = f.handle.replace(c.Name, c.Text(), nil, f.options.Mode, f.options.Owner)
	return err
}

// include notes that a root that includes these chunks is in its place, or may be.
func (f *Folder) include(chunks []*zone.Chunk) {
	for _, c := range chunks {
		f.chunks[c.Name].included = true
	}
}

// takeBack removes the chunks of a root that could not be written. They may have taken
// the last room there was, which other zones need, and the next version of this one: it
// has other chunks.
func (f *Folder) takeBack() {
	for name, c := range f.chunks {
		if c.included || c.info == nil {
			continue
		}
		if err := f.handle.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			// Whatever ails the disk is told of the zone.
			f.options.Logger.Debug("cannot remove a chunk of a zone that could not be written", "path", filepath.Join(f.options.Path, name), "error", err)
			continue
		}
		delete(f.chunks, name)
	}
}

// isChunk reports whether a file has the content that its name tells, and puts it
// on disk if so.
func (f *Folder) isChunk(name string) (bool, error) {
	file, err := f.handle.root.Open(name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return false, nil
	case err != nil:
		return false, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return false, err
	}
	if zone.ChunkName([sha256.Size]byte(h.Sum(nil))) != name {
		return false, nil
	}
	return true, flush(file)
}

// sweepChunks removes chunks that no published root has included for the grace
// time. They do no harm but for the room they take, so an error is only logged.
// It must not be called after a failed Publish: the old root still includes its
// chunks, and only the new ones are known.
func (f *Folder) sweepChunks() {
	if !f.listed {
		entries, err := fs.ReadDir(f.handle.root.FS(), ".")
		if err != nil {
			f.options.Logger.Warn("cannot look for old chunks", "path", f.options.Path, "error", err)
			return
		}
		f.listed = true
		for _, entry := range entries {
			if name := entry.Name(); zone.IsChunkName(name) && f.chunks[name] == nil {
				f.chunks[name] = &chunkFile{included: true}
			}
		}
	}
	now := f.options.Now()
	if now.Sub(f.swept).Abs() < sweepAgain {
		return
	}
	f.swept = now
	for name, c := range f.chunks {
		switch {
		case c.round == f.round: // a root includes it
		case c.spare.IsZero():
			c.spare = now
		case now.Sub(c.spare) >= f.options.ChunkGrace:
			if err := f.handle.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				f.options.Logger.Warn("cannot remove an old chunk", "path", filepath.Join(f.options.Path, name), "error", err)
				continue
			}
			delete(f.chunks, name)
		}
	}
}
