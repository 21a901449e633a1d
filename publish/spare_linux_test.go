package publish_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// ramFolder is a folder on tmpfs.
func ramFolder(t *testing.T) string {
	t.Helper()
	path, err := os.MkdirTemp("/dev/shm", "zonegen-test-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(path)) })
	return path
}

// largeZone is a zone of more than 1 MiB, one of whose services in the middle has so
// many addresses.
func largeZone(t *testing.T, addresses int) *zone.Snapshot {
	t.Helper()
	return zoneOf(t, 600, addresses)
}

// zoneOf is a zone of so many services with 100 addresses each, but one in the middle.
func zoneOf(t *testing.T, services, addresses int) *zone.Snapshot {
	t.Helper()
	set, err := zone.NewSet(zone.Options{NoReverse: true})
	must(t, err)
	all := make([]zone.Service, services)
	for i := range all {
		all[i] = zone.Service{Key: zone.Key{Namespace: "shop", Name: fmt.Sprintf("web-%03d", i)}, Type: zone.ClusterSetIP}
		n := 100
		if i == len(all)/2 {
			n = addresses
		}
		for j := range n {
			all[i].IPs = append(all[i].IPs, fmt.Sprintf("10.%d.%d.%d", 1+i>>10, i>>2&255, j+1))
		}
	}
	set.Apply(zone.Changes{Services: all, Namespaces: []string{"shop"}})
	return set.Snapshots()[0]
}

func inode(info fs.FileInfo) uint64 { return info.Sys().(*syscall.Stat_t).Ino }

// temporary returns the temporary file in a folder, or nothing.
func temporary(t *testing.T, path string) string {
	t.Helper()
	for _, name := range names(t, path) {
		if strings.HasPrefix(name, zone.TempPrefix) {
			return filepath.Join(path, name)
		}
	}
	return ""
}

// A large file on tmpfs is made of the one before the last, whatever has changed. The
// helper looks at the content each time.
func TestSpare(t *testing.T) {
	path := ramFolder(t)
	f := open(t, path, nil)
	seen := map[uint64]bool{}
	for _, addresses := range []int{100, 99, 101, 101, 1, 100, 200, 2, 3} {
		seen[inode(stat(t, f.publish(largeZone(t, addresses)).Path))] = true
	}
	if len(seen) != 2 {
		t.Errorf("%d inodes, want 2", len(seen))
	}
	if got := names(t, path); len(got) != 2 {
		t.Errorf("files %q, want the zone and its spare", got)
	}
	must(t, f.Close())
	if got := names(t, path); len(got) != 1 {
		t.Errorf("files %q after the end", got)
	}
}

// Who has an old file open goes on reading it, however many come after it.
func TestSpareThatIsRead(t *testing.T) {
	path := ramFolder(t)
	f := open(t, path, nil)
	for round := range 3 {
		old := largeZone(t, 50+round)
		r := f.publish(old)
		reader, err := os.Open(r.Path)
		must(t, err)
		begin := make([]byte, 1000)
		_, err = io.ReadFull(reader, begin)
		must(t, err)
		for i := range 4 {
			f.publish(largeZone(t, 100+10*round+i))
		}
		rest, err := io.ReadAll(reader)
		must(t, errors.Join(err, reader.Close()))
		if !bytes.Equal(append(begin, rest...), old.Append(nil, r.Serial)) {
			t.Errorf("round %d: the file has changed while it was read", round)
		}
	}
}

// A spare that somebody touched, or that is a zone again, is left as it is.
func TestSpareOfSomebodyElse(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, spare, file string){
		"changed": func(t *testing.T, spare, _ string) { must(t, os.WriteFile(spare, []byte("x"), 0o600)) },
		"gone":    func(t *testing.T, spare, _ string) { must(t, os.Remove(spare)) },
		"linked": func(t *testing.T, spare, _ string) {
			must(t, os.Link(spare, filepath.Join(filepath.Dir(spare), "kept")))
		},
		"put back": func(t *testing.T, spare, file string) {
			must(t, errors.Join(os.Remove(file), os.Link(spare, file)))
		},
		"a link": func(t *testing.T, spare, file string) {
			must(t, errors.Join(os.Remove(spare), os.Symlink(filepath.Base(file), spare)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := ramFolder(t)
			f := open(t, path, nil)
			old := largeZone(t, 1)
			was := f.publish(old)
			r := f.publish(largeZone(t, 2))
			spare := temporary(t, path)
			if spare == "" {
				t.Fatalf("no spare: %q", names(t, path))
			}
			change(t, spare, r.Path)
			f.publish(largeZone(t, 3))
			f.publish(largeZone(t, 4))
			kept, err := os.ReadFile(filepath.Join(path, "kept"))
			if errors.Is(err, fs.ErrNotExist) {
				return
			}
			must(t, err)
			if !bytes.Equal(kept, old.Append(nil, was.Serial)) {
				t.Error("a file was changed to which another name leads")
			}
		})
	}
}

// The mode of a file that is made of a spare is the right one.
func TestSpareMode(t *testing.T) {
	path := ramFolder(t)
	f := open(t, path, func(o *publish.FolderOptions) { o.Mode = 0o640 })
	for i := range 4 {
		r := f.publish(largeZone(t, i+1))
		must(t, os.Chmod(r.Path, 0o600)) // it will be a spare
		if i > 1 {
			continue
		}
		if again := f.publish(largeZone(t, i+1)); again.Written || stat(t, r.Path).Mode() != 0o640 {
			t.Errorf("result %+v, mode %v", again, stat(t, r.Path).Mode())
		}
	}
	if r := f.publish(largeZone(t, 9)); stat(t, r.Path).Mode() != 0o640 {
		t.Errorf("mode %v", stat(t, r.Path).Mode())
	}
}
