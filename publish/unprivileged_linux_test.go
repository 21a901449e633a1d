package publish_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// Without privileges, an error says what is missing.
func TestUnprivileged(t *testing.T) {
	var volume string
	if os.Geteuid() != 0 {
		volume = t.TempDir()
	} else {
		var here bool
		if volume, here = alone(t); !here {
			return
		}
	}
	must(t, os.Chmod(filepath.Dir(volume), 0o755)) // of the test
	must(t, os.Chmod(volume, 0o755))
	path := filepath.Join(volume, "zones")
	must(t, os.Mkdir(path, 0o755))
	must(t, os.WriteFile(filepath.Join(path, zoneName), forward(t, 1).Append(nil, 1<<31-1), 0o200))
	if os.Geteuid() == 0 {
		must(t, os.Chown(path, 65532, 65532))
		must(t, os.Chown(filepath.Join(path, zoneName), 65532, 65532))
		must(t, syscall.Setgroups(nil))
		must(t, syscall.Setgid(65532))
		must(t, syscall.Setuid(65532))
	}

	f := open(t, path, func(o *publish.FolderOptions) { o.Owner = &publish.Owner{UID: 0, GID: 0} })
	_, err := f.Publish(context.Background(), []*zone.Snapshot{forward(t, 1)})
	wantError(t, err, fs.ErrPermission, "chown "+filepath.Join(path, zoneName), "CAP_CHOWN")
	if got := names(t, path); len(got) != 1 {
		t.Errorf("files %q", got)
	}
	must(t, f.Close())

	// It is ours, but may not be read: the serial starts from the clock.
	if !bytes.Contains(f.log.Bytes(), []byte("cannot be read")) {
		t.Errorf("log: %s", f.log)
	}
	f = open(t, path, nil)
	r := f.publish(forward(t, 1))
	if r.Serial != uint32(noon.Unix()) {
		t.Errorf("result %+v", r)
	}

	must(t, os.Chmod(path, 0o555))
	_, err = f.Publish(context.Background(), []*zone.Snapshot{forward(t, 2)})
	wantError(t, err, fs.ErrPermission, "open "+path, "write to "+path)
	f.publish(forward(t, 1)) // nothing to do is no error
	must(t, os.Chmod(path, 0o755))
	f.publish(forward(t, 2))

	_, err = publish.OpenFolder(publish.FolderOptions{Path: filepath.Join("/proc", "zones")})
	wantError(t, err, nil, "mkdir /proc/zones")
}
