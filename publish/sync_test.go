package publish

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"
)

// Until the folder is on disk, nothing is reported as published, changed or not.
func TestFolderNotSynced(t *testing.T) {
	set, err := zone.NewSet(zone.Options{NoReverse: true})
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenFolder(FolderOptions{Path: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	dir := f.handle.dir
	broken, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	if err := broken.Close(); err != nil {
		t.Fatal(err)
	}

	f.handle.dir = broken // every call on it fails
	for i := range 2 {
		results, err := f.Publish(context.Background(), set.Snapshots())
		if err == nil || !strings.Contains(err.Error(), "may not be on disk") {
			t.Errorf("error %v", err)
		}
		if r := results[0]; r.Err == nil || r.Written != (i == 0) || r.Serial == 0 || r.Bytes == 0 {
			t.Errorf("result %+v", r)
		}
		if _, err := os.Stat(results[0].Path); err != nil {
			t.Error(err)
		}
	}
	f.handle.dir = dir
	for range 2 {
		results, err := f.Publish(context.Background(), set.Snapshots())
		if err != nil || results[0].Written || results[0].Serial == 0 || f.handle.unsynced {
			t.Errorf("results %+v, %v", results, err)
		}
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

// A filesystem that cannot sync such a file says EINVAL, as a pipe does: that is
// no error.
func TestCannotSync(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := flush(r); err != nil {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if err := flush(r); err == nil {
		t.Error("a closed file: no error")
	}
}
