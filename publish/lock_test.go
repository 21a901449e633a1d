package publish_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/clusterset-dns/zonegen/publish"
)

// mustBeLocked fails the test if a second writer can open the folder.
func mustBeLocked(t *testing.T, path string) {
	t.Helper()
	f, err := publish.OpenFolder(publish.FolderOptions{Path: path})
	if err == nil {
		must(t, f.Close())
	}
	wantError(t, err, publish.ErrLocked, path, "another zonegen writes to it", "--zone-dir")
}

func TestLockInProcess(t *testing.T) {
	path := t.TempDir()
	f := open(t, path, nil)
	mustBeLocked(t, path)
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(path, link))
	mustBeLocked(t, link)
	f.publish(forward(t, 1))
	must(t, f.Close())
	open(t, path, nil).publish(forward(t, 2))
}

// The second process is refused before it cleans anything, and gets the folder
// when the first one is gone, however that ended.
func TestLockBetweenProcesses(t *testing.T) {
	path := t.TempDir()
	for _, end := range []func(*child){
		func(c *child) { c.kill(t) },
		func(c *child) {
			must(t, c.in.Close())
			must(t, c.Wait())
		},
	} {
		c := startChild(t, "hold", path)
		if _, err := c.out.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		inWork := filepath.Join(path, ".zonegen-0123456789abcdef.tmp")
		must(t, os.WriteFile(inWork, nil, 0o600))
		mustBeLocked(t, path)
		stat(t, inWork)
		end(c)
		must(t, open(t, path, nil).Close())
	}
}

// Somebody else who takes the new folder first has it.
func TestLockLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zones")
	f := open(t, path, nil)
	first := f.publish(forward(t, 1))
	must(t, os.RemoveAll(path))
	other := open(t, path, nil)
	for range 2 {
		results, err := f.Publish(context.Background(), snapshots(t, 2))
		wantError(t, err, publish.ErrLocked, path)
		for _, r := range results {
			if r.Err == nil || r.Written {
				t.Errorf("result %+v", r)
			}
		}
	}
	if got := names(t, path); len(got) != 0 {
		t.Errorf("files %q", got)
	}
	other.publish(forward(t, 3))
	must(t, other.Close())
	if r := f.publish(forward(t, 2)); !r.Written || r.Serial <= first.Serial {
		t.Errorf("result %+v", r)
	}
}
