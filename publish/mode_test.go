package publish_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/clusterset-dns/zonegen/publish"
)

// Servers run as other users: the umask does not count, neither for files nor
// for folders that are made.
func TestUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	path := filepath.Join(t.TempDir(), "made", "zones")
	f := open(t, path, nil)
	r := f.publish(forward(t, 1))
	for file, want := range map[string]fs.FileMode{r.Path: 0o644, path: 0o755 | fs.ModeDir, filepath.Dir(path): 0o755 | fs.ModeDir} {
		if got := stat(t, file).Mode(); got != want {
			t.Errorf("%s has mode %v, want %v", file, got, want)
		}
	}
}

// The group of a volume goes to the folders that are made in it.
func TestSetGroupID(t *testing.T) {
	volume := t.TempDir()
	must(t, os.Chmod(volume, 0o775|fs.ModeSetgid))
	path := filepath.Join(volume, "zones")
	open(t, path, nil)
	if got := stat(t, path).Mode(); got != 0o755|fs.ModeSetgid|fs.ModeDir {
		t.Errorf("mode %v", got)
	}
}

// A wrong mode is mended, and the content is left alone.
func TestMode(t *testing.T) {
	path := t.TempDir()
	f := open(t, path, func(o *publish.FolderOptions) { o.Mode = 0o640 })
	r := f.publish(forward(t, 1))
	was := stat(t, r.Path)
	if was.Mode() != 0o640 {
		t.Errorf("mode %v", was.Mode())
	}
	must(t, os.Chmod(r.Path, 0o600))
	if again := f.publish(forward(t, 1)); again.Written || again.Serial != r.Serial {
		t.Errorf("result %+v", again)
	}
	untouched(t, was, stat(t, r.Path))
	if got := stat(t, r.Path).Mode(); got != 0o640 {
		t.Errorf("mode %v", got)
	}
	must(t, f.Close())

	f = open(t, path, func(o *publish.FolderOptions) { o.Mode = 0o444 })
	if again := f.publish(forward(t, 1)); again.Written || again.Serial != r.Serial {
		t.Errorf("result %+v", again)
	}
	untouched(t, was, stat(t, r.Path))
	if got := stat(t, r.Path).Mode(); got != 0o444 {
		t.Errorf("mode %v", got)
	}
}

// owner returns who owns a file.
func owner(t *testing.T, path string) publish.Owner {
	t.Helper()
	s := stat(t, path).Sys().(*syscall.Stat_t)
	return publish.Owner{UID: int(s.Uid), GID: int(s.Gid)}
}

// The owner is set before the file is visible, and mended as the mode is. Who
// may not give files away can still name himself.
func TestOwner(t *testing.T) {
	me := publish.Owner{UID: os.Geteuid(), GID: os.Getegid()}
	want := me
	if me.UID == 0 {
		want = publish.Owner{UID: 65532, GID: 65531}
	}
	path := t.TempDir()
	f := open(t, path, func(o *publish.FolderOptions) { o.Owner = &want })
	r := f.publish(forward(t, 1))
	if got := owner(t, r.Path); got != want {
		t.Errorf("owner %+v, want %+v", got, want)
	}
	was := stat(t, r.Path)
	must(t, os.Lchown(r.Path, me.UID, me.GID))
	if again := f.publish(forward(t, 1)); again.Written {
		t.Errorf("result %+v", again)
	}
	untouched(t, was, stat(t, r.Path))
	if got := owner(t, r.Path); got != want {
		t.Errorf("owner %+v, want %+v", got, want)
	}
	must(t, f.Close())

	f = open(t, path, func(o *publish.FolderOptions) { o.Owner = &publish.Owner{UID: -1, GID: me.GID} })
	if again := f.publish(forward(t, 1)); again.Written {
		t.Errorf("result %+v", again)
	}
	if got := owner(t, r.Path); got != (publish.Owner{UID: want.UID, GID: me.GID}) {
		t.Errorf("owner %+v", got)
	}
}
