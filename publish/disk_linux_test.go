package publish_test

import (
	"context"
	"os"
	"path/filepath"
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
