package publish

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"iter"
	"net"
	"os"
	"syscall"

	"github.com/clusterset-dns/zonegen/zone"
)

// Sizes of writing, measured with 40 MB of 20,000 blocks on ext4 and tmpfs. A
// copy into 256 KiB is as quick as writev(2) with 1,024 blocks, and both are
// five times quicker than a write(2) for each block. Handing 4 MiB at a time to
// the disk while the next are copied takes a quarter off the time until all of
// it is synced.
const (
	writeSize     = 256 << 10
	writebackSize = 4 << 20
)

// replace makes content the file called name, all or nothing and durably once
// the folder is synced (see [Folder.Publish]). The system calls, in order:
//
//	openat(temp, O_CREAT|O_EXCL, 0600), or of a spare openat(temp), fcntl(F_SETLEASE)
//	write(temp) until all is written
//	fchmod(temp), fchown(temp)
//	fsync(temp), end of the lease
//	close(temp)
//	fsync(folder)               of a zone file only
//	renameat(temp, name)
//	fsync(folder)               by the caller, once for all its files
//
// Proof that name is always one whole file:
//
//   - Nothing is ever written to an inode that name leads to. O_EXCL makes the
//     inode a new one, only the temporary name leads to it until the rename,
//     and it is closed before. So a reader that has a file open reads that one
//     file to its end, and its content never changes.
//   - The same holds for the inode of a spare: no other name leads to it any
//     more, and the lease is only given when nobody has it open, however long
//     ago he did so; who was about to open it then waits until the lease ends. A
//     kill ends it, too: so the first octet of the file is written last, and until
//     then no server loads it (see unloadable).
//   - rename(2) replaces name atomically: at any moment it leads to the old
//     inode or to the new one, never to none.
//   - A crash of the machine can lose or reorder what was not synced. The new
//     inode's data, size, mode and owner are synced before the rename is even
//     asked for, so whichever of the two entries survives, it leads to a whole
//     file that others may read. Once the folder is synced, it is the new one.
//   - The same crash can undo the rename of a zone file that others have read by
//     then. Its temporary name was put on disk before, and whatever is kept or lost of
//     the rename, one of the two names leads to the file: the next run knows the serial
//     from it (see [Folder.learn]).
//   - Every call before the rename can fail or be the last one before a kill;
//     name is untouched then. After an error the temporary file is removed
//     here, after a kill by the next run (removeLeftovers).
//   - close(2) is checked before the rename as well: NFS reports there what it
//     could not store.
//
// Seen reports whether the rename was asked for: then others may have read the
// content even if an error is returned, since a rename on a network filesystem
// can fail here and be done there, unless it was refused. Info is the new file.
//
// Spare is made use of, or removed; there may be none.
func (h *handle) replace(name string, content iter.Seq[[]byte], spare *spare, mode fs.FileMode, owner *Owner) (info fs.FileInfo, seen bool, err error) {
	temp, file, old, err := h.begin(spare)
	if err != nil {
		return nil, false, err
	}
	info, err = h.fill(file, old, content, mode, owner)
	if err == nil {
		if !zone.IsChunkName(name) {
			_ = flush(h.dir) // what it cannot sync now, it cannot sync after the rename either, and says so then
		}
		h.unsynced = true
		err = h.root.Rename(temp, name)
		seen = !isRefused(err)
	}
	if err != nil {
		h.discard(temp)
		return nil, seen, err
	}
	return info, seen, nil
}

// isRefused reports whether an error says that nothing was done because the filesystem
// takes nothing more.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
}

// begin opens a temporary file, which holds old, or nothing.
func (h *handle) begin(spare *spare) (temp string, file *os.File, old net.Buffers, err error) {
	if spare != nil {
		if file := h.take(spare); file != nil {
			return spare.name, file, spare.buffers(), nil
		}
	}
	temp = tempName()
	file, err = h.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return temp, file, nil, err
}

// discard removes a temporary file.
func (h *handle) discard(temp string) {
	if err := h.root.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.litter = true
	}
}

// fill makes a file that holds old hold content, gives it its mode and owner, syncs
// and closes it.
func (h *handle) fill(file *os.File, old net.Buffers, content iter.Seq[[]byte], mode fs.FileMode, owner *Owner) (info fs.FileInfo, err error) {
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
	}()
	if err := h.write(file, old, content); err != nil {
		return nil, err
	}
	// The mode first: after chown the file may be another user's, whose mode
	// only root may change.
	if err := file.Chmod(mode); err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err != nil {
		return nil, err
	}
	if !owner.owns(info) {
		if err := file.Chown(owner.UID, owner.GID); err != nil {
			return nil, err
		}
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	if old != nil {
		// Closing would not do it: a child that is about to exec has the file open too.
		if err := lease(file, syscall.F_UNLCK); err != nil {
			return nil, err
		}
	}
	return file.Stat()
}

// unloadable is the first octet of a file while it is neither what it was nor what it
// will be: a parenthesis that nothing has opened (RFC 1035, section 5.1).
const unloadable = ")"

// write makes a file that holds old hold content: what is in its place already is
// left there. A short write is an error ([os.File.Write]).
func (h *handle) write(file *os.File, old net.Buffers, content iter.Seq[[]byte]) error {
	w := h.out
	w.Reset(file)
	defer w.Reset(nil)
	var written, started int64
	reused := old != nil
	var first []byte // octet of a file that is reused
	for block := range content {
		size := int64(len(block))
		if reused && written == 0 {
			first, block = block[:1], append([]byte(unloadable), block[1:]...)
		}
		if len(old) > 0 && len(old[0]) == len(block) {
			if !bytes.Equal(old[0], block) {
				if _, err := file.WriteAt(block, written); err != nil {
					return err
				}
			}
			old, written, started = old[1:], written+size, written+size
			continue
		}
		if old != nil { // from here on all has moved
			old = nil
			if _, err := file.Seek(written, io.SeekStart); err != nil {
				return err
			}
		}
		if _, err := w.Write(block); err != nil {
			return err
		}
		written += size
		if written-started >= writebackSize {
			// A few bytes may still be in w: fsync takes them along.
			startWriteback(file, started, written-started)
			started = written
		}
	}
	if err := w.Flush(); err != nil || !reused {
		return err
	}
	if err := file.Truncate(written); err != nil {
		return err
	}
	_, err := file.WriteAt(first, 0)
	return err
}

// owns reports whether a file has this owner. No owner owns every file.
func (o *Owner) owns(info fs.FileInfo) bool {
	if o == nil {
		return true
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok &&
		(o.UID == -1 || o.UID == int(stat.Uid)) &&
		(o.GID == -1 || o.GID == int(stat.Gid))
}

// flush puts a folder, or a file that was opened for reading, on disk. Some
// network and user-space filesystems cannot do that and say EINVAL; there is
// nothing more to do there.
func flush(file *os.File) error {
	err := file.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
