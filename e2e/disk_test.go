package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// everyLayout runs a test for each layout of zone files, at the same time.
func everyLayout(t *testing.T, test func(t *testing.T, args ...string)) {
	for _, layout := range []string{"single", "chunked"} {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			test(t, "--layout", layout)
		})
	}
}

// noSpace is the error of a disk that is full.
func (d *disk) noSpace() string {
	return `(write|open|fsync) ` + d.mount + `/(db\.clusterset\.local|chunk-\w+): no space left on device; free space on the filesystem of ` + d.mount
}

// fill creates files of a size until that fails, and returns their names.
func (d *disk) fill(size int) (fillers []string) {
	d.t.Helper()
	for {
		name := filepath.Join(d.zones, fmt.Sprint("filler-", len(fillers)))
		err := os.WriteFile(name, make([]byte, size), 0o600)
		if _, statErr := os.Stat(name); statErr == nil {
			fillers = append(fillers, name)
		}
		switch {
		case errors.Is(err, syscall.ENOSPC):
			return fillers
		case err != nil:
			d.t.Fatal(err)
		}
	}
}

func (d *disk) remove(fillers []string) {
	d.t.Helper()
	for _, name := range fillers {
		if err := os.Remove(name); err != nil {
			d.t.Fatal(err)
		}
	}
}

// TestDiskFull fills the disk but for a part of what a change takes. When there is room again, the newest state is
// published.
func TestDiskFull(t *testing.T) {
	everyLayout(t, func(t *testing.T, args ...string) {
		d := runMounted(t, onTmpfs, "size=1m", args...)
		d.ready()
		port, changes := d.serve("10.1.0.1")
		serial, fillers := d.serial(clusterset), d.fill(4096)
		d.remove(fillers[:8])
		d.mustFail(d.noSpace(), func() { d.services(2000, "10.1.0.2") })
		changes()
		d.remove(fillers[8:])
		d.mustRecover(port, "10.1.0.2", serial)
	})
}

// TestDiskInodes leaves the disk room for no other file.
func TestDiskInodes(t *testing.T) {
	everyLayout(t, func(t *testing.T, args ...string) {
		d := runMounted(t, onTmpfs, "size=4m,nr_inodes=64", args...)
		d.ready()
		port, changes := d.serve("10.1.0.1")
		serial, fillers := d.serial(clusterset), d.fill(0)
		d.mustFail(d.noSpace(), func() { d.services(200, "10.1.0.2") })
		changes()
		d.remove(fillers)
		d.mustRecover(port, "10.1.0.2", serial)
	})
}

// TestDiskReadOnly makes the filesystem read-only for a while.
func TestDiskReadOnly(t *testing.T) {
	everyLayout(t, func(t *testing.T, args ...string) {
		d := runMounted(t, onTmpfs, "size=4m", args...)
		d.ready()
		port, changes := d.serve("10.1.0.1")
		serial := d.serial(clusterset)
		d.do("mount", "-o", "remount,ro", d.mount)
		d.mustFail(`open `+d.mount+`/(db\.clusterset\.local|chunk-\w+): read-only file system; mount `+d.mount+` writable`, func() {
			d.services(1, "10.1.0.2")
		})
		changes()
		d.do("mount", "-o", "remount,rw", d.mount)
		d.mustRecover(port, "10.1.0.2", serial)
	})
}

// TestDiskReadOnlyAtStart: a folder that cannot be written to when zonegen starts keeps it from being ready, no more.
func TestDiskReadOnlyAtStart(t *testing.T) {
	d := runMounted(t, onTmpfs, "ro,size=4m")
	d.waitsFor(`^not published: .*read-only file system; mount ` + d.mount + ` writable`)
	d.do("mount", "-o", "remount,rw", d.mount)
	d.ready()
	d.has("10.1.0.1")
}

// onBtrfs is a script for runMounted that mounts a filesystem with quotas. Root has to keep to those of btrfs, and every
// kernel that has it has them.
const onBtrfs = `set -e
image=$2; mount=$1; shift 2
truncate -s 128M "$image"
mkfs.btrfs --quiet "$image" 2>&1
mount -o loop "$image" "$mount"
btrfs quota enable "$mount"
exec "$@"`

// TestDiskQuota uses up the quota of the zone folder.
func TestDiskQuota(t *testing.T) {
	mustMountImages(t)
	tool(t, "mkfs.btrfs", "btrfs-progs")
	everyLayout(t, func(t *testing.T, args ...string) {
		d := runMounted(t, onBtrfs, filepath.Join(t.TempDir(), "image"), args...)
		d.ready()
		port, changes := d.serve("10.1.0.1")
		serial := d.serial(clusterset)
		limit := func(size string) { d.do("btrfs", "qgroup", "limit", size, "0/5", d.mount) }
		limit("128K")
		d.mustFail(`(write|open|fsync|rename) `+d.mount+`/(db\.clusterset\.local|chunk-\w+): disk quota exceeded; raise the disk quota for `+d.mount, func() {
			d.services(2000, "10.1.0.2")
		})
		changes()
		limit("none")
		d.mustRecover(port, "10.1.0.2", serial)
	})
}

// mustMountImages fails the test of somebody who may not mount images of disks.
func mustMountImages(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("this test mounts disks of its own, which only root may do: run it as root")
	}
}

// TestDiskLeftovers kills zonegen in the middle of a publication, until a temporary file is left. The next run removes
// it, and the zone is whole at any time.
func TestDiskLeftovers(t *testing.T) {
	zones, manifest := t.TempDir(), filepath.Join(t.TempDir(), "services.json")
	const many = 5000
	writeServices(manifest, many, "10.1.0.0")
	p := run(t, zonegen(t), "run", "-f", manifest, "--zone-dir", zones, "--no-reverse", "--http", "", "--min-interval", "0")
	file := filepath.Join(zones, "db.clusterset.local")
	published := func(address string) error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if n := strings.Count(string(text), " A "+address+"\n"); n != many {
			return fmt.Errorf("%d services are at %s, want %d", n, address, many)
		}
		return nil
	}
	p.eventually("all is published", func() error { return published("10.1.0.0") })
	killed := false
	for i := 1; !killed; i++ {
		if i > 100 {
			t.Fatal("no publication could be caught")
		}
		address := fmt.Sprintf("10.1.0.%d", i)
		writeServices(manifest, many, address)
		// Without a pause: a publication takes milliseconds.
		for !killed && published(address) != nil {
			if len(temporaries(t, zones)) > 0 {
				p.kill()
				killed = len(temporaries(t, zones)) > 0
				if !killed { // it was quicker
					p.restart()
				}
			}
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(string(text), "\n") {
		t.Fatalf("the zone is not whole: %v", err)
	}
	if n := strings.Count(string(text), "$ORIGIN web-"); n != many {
		t.Errorf("the zone has %d services, want %d", n, many)
	}
	p.restart()
	p.waitOutput(`msg="removed a temporary file that an earlier run left behind" path=` + zones)
	p.waitOutput(`msg=ready`)
	if left := temporaries(t, zones); len(left) > 0 {
		t.Errorf("%q are still there", left)
	}
}
