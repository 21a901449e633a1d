package publish_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

func errorIs(err, kind error) bool { return kind == nil || errors.Is(err, kind) }

func TestPublish(t *testing.T) {
	path := t.TempDir()
	f := open(t, path, nil)
	set := snapshots(t, 1)
	results, err := f.Publish(context.Background(), set)
	must(t, err)
	if len(results) != 3 {
		t.Fatalf("%d results", len(results))
	}
	for i, r := range results {
		if !r.Written || r.Serial != uint32(noon.Unix()) || r.Took <= 0 || r.Zone != set[i].Origin() {
			t.Errorf("result %+v", r)
		}
		if !bytes.Equal(read(t, r.Path), set[i].Append(nil, r.Serial)) {
			t.Errorf("%s is not the snapshot", r.Path)
		}
	}
	if got := names(t, path); !slices.Equal(got, []string{zoneName, "db.in-addr.arpa", "db.ip6.arpa"}) {
		t.Errorf("files %q", got)
	}
	if _, generation, err := generationOf(read(t, filepath.Join(path, zoneName))); err != nil || generation != 1 {
		t.Errorf("generation %d, %v", generation, err)
	}

	// Only zones that changed get a new serial: ip6.arpa is the same in both.
	results, err = f.Publish(context.Background(), snapshots(t, 2))
	must(t, err)
	for i, written := range []bool{true, true, false} {
		serial := uint32(noon.Unix())
		if written {
			serial++
		}
		if r := results[i]; r.Written != written || r.Serial != serial || r.Bytes == 0 {
			t.Errorf("result %+v, want written %t and serial %d", r, written, serial)
		}
	}
}

// Unchanged content is left alone, whoever made the snapshot.
func TestUnchanged(t *testing.T) {
	f := open(t, t.TempDir(), nil)
	first := f.publish(forward(t, 1))
	was := stat(t, first.Path)
	for range 3 {
		again := f.publish(forward(t, 1))
		if again.Written || again.Serial != first.Serial {
			t.Errorf("result %+v", again)
		}
		untouched(t, was, stat(t, first.Path))
	}
	if f.log.Len() > 0 {
		t.Errorf("log: %s", f.log)
	}
}

// One zone that cannot be published does not stop the others.
func TestOneFails(t *testing.T) {
	path := t.TempDir()
	must(t, os.Mkdir(filepath.Join(path, zoneName), 0o755))
	must(t, os.WriteFile(filepath.Join(path, zoneName, "x"), nil, 0o644))
	f := open(t, path, nil)
	results, err := f.Publish(context.Background(), snapshots(t, 1))
	wantError(t, err, fs.ErrExist, "rename "+filepath.Join(path, zoneName)+": ", "remove what is there")
	if r := results[0]; r.Err == nil || r.Written || r.Serial != 0 || r.Bytes != 0 {
		t.Errorf("result %+v", r)
	}
	for _, r := range results[1:] {
		if r.Err != nil || !r.Written {
			t.Errorf("result %+v", r)
		}
	}
	if got := names(t, path); len(got) != 3 {
		t.Errorf("files %q", got)
	}

	// A serial that somebody may have seen is not used again.
	must(t, os.RemoveAll(filepath.Join(path, zoneName)))
	if r := f.publish(forward(t, 2)); r.Serial != uint32(noon.Unix())+1 {
		t.Errorf("serial %d", r.Serial)
	}
}

func TestCancelled(t *testing.T) {
	path := t.TempDir()
	f := open(t, path, nil)
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := errors.New("told to stop")
	cancel(reason)
	results, err := f.Publish(ctx, snapshots(t, 1))
	wantError(t, err, reason)
	for _, r := range results {
		if r.Err == nil || r.Written {
			t.Errorf("result %+v", r)
		}
	}
	if got := names(t, path); len(got) != 0 {
		t.Errorf("files %q", got)
	}
	f.publish(forward(t, 1))
}

func TestClosed(t *testing.T) {
	f := open(t, t.TempDir(), nil)
	must(t, f.Close())
	must(t, f.Close())
	_, err := f.Publish(context.Background(), []*zone.Snapshot{forward(t, 1)})
	wantError(t, err, os.ErrClosed, f.path)
}

// A forced serial makes the output depend on nothing else.
func TestForcedSerial(t *testing.T) {
	path := t.TempDir()
	forced := func(o *publish.FolderOptions) { o.Serial = 7 }
	f := open(t, path, nil)
	first := f.publish(forward(t, 1))
	must(t, f.Close())

	f = open(t, path, forced)
	r := f.publish(forward(t, 1))
	if !r.Written || r.Serial != 7 {
		t.Errorf("over serial %d: %+v", first.Serial, r)
	}
	was := stat(t, r.Path)
	must(t, f.Close())

	f = open(t, path, forced)
	if r := f.publish(forward(t, 1)); r.Written || r.Serial != 7 {
		t.Errorf("over the same: %+v", r)
	}
	untouched(t, was, stat(t, r.Path))
	if r := f.publish(forward(t, 2)); !r.Written || r.Serial != 7 {
		t.Errorf("over other content: %+v", r)
	}
}

// Zone files that are not published, and any others, stay as they are.
func TestStrangers(t *testing.T) {
	path := t.TempDir()
	strangers := []string{"db.old.example", "Corefile", "olddb.x"}
	for _, name := range strangers {
		must(t, os.WriteFile(filepath.Join(path, name), []byte(name), 0o600))
	}
	must(t, os.Mkdir(filepath.Join(path, "db.folder"), 0o755))
	f := open(t, path, nil)
	for generation := range 3 {
		f.publish(forward(t, generation))
	}
	for _, name := range strangers {
		if got := read(t, filepath.Join(path, name)); string(got) != name {
			t.Errorf("%s holds %q", name, got)
		}
		want := 1
		if name == "Corefile" {
			want = 0
		}
		if n := bytes.Count(f.log.Bytes(), []byte(filepath.Join(path, name)+"\n")); n != want {
			t.Errorf("%s is %d times in the log, want %d: %s", name, n, want, f.log)
		}
	}
}
