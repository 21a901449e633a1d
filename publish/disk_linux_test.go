package publish_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// mountTmpfs mounts a small filesystem, which goes with the process.
func mountTmpfs(t *testing.T, path, options string) {
	t.Helper()
	must(t, syscall.Mount("tmpfs", path, "tmpfs", 0, options))
}

// A full disk leaves the old file and no temporary one; it is tried again.
func TestFullDisk(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	mountTmpfs(t, path, "size=128k")
	f := open(t, path, nil)
	first := f.publish(forward(t, 1))
	was := stat(t, first.Path)

	// The big zone fails, the small ones beside it do not.
	set := append([]*zone.Snapshot{bigZone(0)}, snapshots(t, 2)[1:]...)
	for range 2 {
		results, err := f.Publish(context.Background(), set)
		wantError(t, err, syscall.ENOSPC, "write "+first.Path, "no space left", "free space on the filesystem of "+path)
		if r := results[0]; r.Err == nil || r.Written {
			t.Errorf("result %+v", r)
		}
		for _, r := range results[1:] {
			if r.Err != nil {
				t.Errorf("result %+v", r)
			}
		}
		untouched(t, was, stat(t, first.Path))
		if serial, generation, err := generationOf(read(t, first.Path)); err != nil || serial != first.Serial || generation != 1 {
			t.Errorf("serial %d, generation %d, %v", serial, generation, err)
		}
		if got := names(t, path); len(got) != 3 {
			t.Errorf("files %q", got)
		}
	}

	must(t, syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	if r := f.publish(set[0]); !r.Written || r.Serial <= first.Serial {
		t.Errorf("result %+v", r)
	}
}

// In chunks, those that were put there for a root that has no room go again.
func TestNoInodesChunked(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	mountTmpfs(t, path, "nr_inodes=20")
	f := open(t, path, func(o *publish.FolderOptions) { o.Layout = publish.Chunked })
	first := chunked(t, f, forward(t, 1))
	was := stat(t, filepath.Join(path, zoneName))
	_, err := f.Publish(t.Context(), []*zone.Snapshot{zoneOf(t, 3000, 100)})
	wantError(t, err, syscall.ENOSPC, "open "+path, "free space")
	untouched(t, was, stat(t, filepath.Join(path, zoneName)))
	if got := names(t, path); len(got) != len(first)+1 {
		t.Errorf("files %q, want the root and %q", got, first)
	}
	chunked(t, f, forward(t, 2))
}

// A disk without room for another file, before anything is written.
func TestNoInodes(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	mountTmpfs(t, path, "nr_inodes=3")
	f := open(t, path, nil)
	first := f.publish(forward(t, 1))
	must(t, os.WriteFile(filepath.Join(path, "filler"), nil, 0o644))
	_, err := f.Publish(context.Background(), []*zone.Snapshot{forward(t, 2)})
	wantError(t, err, syscall.ENOSPC, path, "free space")
	must(t, os.Remove(filepath.Join(path, "filler")))
	if r := f.publish(forward(t, 2)); !r.Written || r.Serial != first.Serial+1 {
		t.Errorf("result %+v", r)
	}
}

func TestReadOnly(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	mountTmpfs(t, path, "size=1m")
	f := open(t, path, nil)
	first := f.publish(forward(t, 1))
	was := stat(t, first.Path)
	leftover := filepath.Join(path, ".zonegen-0123456789abcdef.tmp")
	must(t, os.WriteFile(leftover, nil, 0o600))

	must(t, syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	for range 2 {
		_, err := f.Publish(context.Background(), []*zone.Snapshot{forward(t, 2)})
		wantError(t, err, syscall.EROFS, path, "read-only file system", "mount "+path+" writable")
		untouched(t, was, stat(t, first.Path))
	}
	if r := f.publish(forward(t, 1)); r.Written || r.Serial != first.Serial {
		t.Errorf("nothing to do: %+v", r)
	}
	must(t, f.Close())
	f = open(t, path, nil) // with a leftover that cannot be removed
	if r := f.publish(forward(t, 1)); r.Written || r.Serial != first.Serial {
		t.Errorf("nothing to do after a restart: %+v", r)
	}
	_, err := publish.OpenFolder(publish.FolderOptions{Path: filepath.Join(path, "more")})
	wantError(t, err, syscall.EROFS, "mkdir "+filepath.Join(path, "more"), "writable")

	must(t, syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_REMOUNT, ""))
	if r := f.publish(forward(t, 2)); !r.Written || r.Serial != first.Serial+1 {
		t.Errorf("result %+v", r)
	}
	if got := names(t, path); len(got) != 1 {
		t.Errorf("files %q", got)
	}
}

// A volume that is mounted over the folder, or unmounted, is another folder.
func TestMountedOver(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	f := open(t, path, nil)
	first := f.publish(forward(t, 1))
	must(t, syscall.Mount("tmpfs", path, "tmpfs", 0, "size=1m"))
	second := f.publish(forward(t, 1))
	if !second.Written || second.Serial != first.Serial+1 {
		t.Errorf("mounted: %+v", second)
	}
	mustBeLocked(t, path)
	must(t, syscall.Unmount(path, syscall.MNT_DETACH))
	if r := f.publish(forward(t, 1)); !r.Written || r.Serial != second.Serial+1 {
		t.Errorf("unmounted: %+v", r)
	}
}

// Without a disk to wait for, renames and reads meet much more often.
func TestReadersInMemory(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	mountTmpfs(t, path, "size=1m")
	readersSeeWholeZones(t, path, 2000)
}

// What a failed publication in chunks has written makes room for the next one, which is
// another: a small change of what is in place, with chunks of its own.
func TestFullDiskChunked(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	mountTmpfs(t, path, "size=3m")
	f := open(t, path, func(o *publish.FolderOptions) { o.Layout = publish.Chunked })
	first := chunked(t, f, largeZone(t, 100))
	root := filepath.Join(path, zoneName)
	was := stat(t, root)

	big, reverse := zoneOf(t, 3000, 100), snapshots(t, 2)[1]
	for range 2 {
		results, err := f.Publish(t.Context(), []*zone.Snapshot{big, reverse})
		wantError(t, err, syscall.ENOSPC, "write "+path, "no space left", "free space on the filesystem of "+path)
		if results[0].Err == nil || results[1].Err != nil {
			t.Errorf("results %+v", results)
		}
		untouched(t, was, stat(t, root))
		have := names(t, path)
		for _, name := range first {
			if !slices.Contains(have, name) {
				t.Errorf("the chunk %s, which is in use, is gone", name)
			}
		}
		if more := len(have) - len(first); more > 4 { // two roots, and the reverse zone in a chunk or two
			t.Errorf("%d files are beside the chunks: %q", more, have)
		}
	}
	chunked(t, f, largeZone(t, 101))

	must(t, syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	chunked(t, f, big)
}

// A chunk that is in use and that somebody has removed is written again, and stays although
// the version that is to be published has no room.
func TestFullDiskChunkRepaired(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	mountTmpfs(t, path, "size=3m")
	f := open(t, path, func(o *publish.FolderOptions) { o.Layout = publish.Chunked })
	for i, name := range chunked(t, f, largeZone(t, 100)) {
		chunk := filepath.Join(path, name)
		if i%2 == 0 {
			must(t, os.Remove(chunk))
		} else {
			must(t, os.WriteFile(chunk, []byte("@ A 192.0.2.1\n"), 0o600))
		}
	}
	_, err := f.Publish(t.Context(), []*zone.Snapshot{zoneOf(t, 3000, 100)})
	wantError(t, err, syscall.ENOSPC)
	was := stat(t, filepath.Join(path, zoneName))
	chunked(t, f, largeZone(t, 100))
	untouched(t, was, stat(t, filepath.Join(path, zoneName)))
}

// A spare whose disk is full is given up; the zone stays as it is, and the next version
// that fits is published.
func TestFullDiskSpare(t *testing.T) {
	path, here := alone(t)
	if !here {
		return
	}
	mountTmpfs(t, path, "size=4m")
	f := open(t, path, nil)
	f.publish(largeZone(t, 1))
	now := f.publish(largeZone(t, 2))
	if temporary(t, path) == "" {
		t.Fatalf("no spare: %q", names(t, path))
	}
	was, text := stat(t, now.Path), read(t, now.Path)
	for range 2 { // of the spare, and of a new file
		_, err := f.Publish(t.Context(), []*zone.Snapshot{zoneOf(t, 3000, 100)})
		wantError(t, err, syscall.ENOSPC, "write "+now.Path, "free space on the filesystem of "+path)
		untouched(t, was, stat(t, now.Path))
		if !bytes.Equal(text, read(t, now.Path)) {
			t.Error("the zone has changed")
		}
		if got := names(t, path); len(got) != 1 {
			t.Errorf("files %q", got)
		}
	}
	for i := range 3 {
		f.publish(largeZone(t, 3+i))
	}
	must(t, syscall.Mount("tmpfs", path, "tmpfs", syscall.MS_REMOUNT, "size=64m"))
	f.publish(zoneOf(t, 3000, 100))
}
