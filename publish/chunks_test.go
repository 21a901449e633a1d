package publish_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// chunked publishes in the chunked layout and returns the chunk files that are there then.
func chunked(t *testing.T, f *folder, snapshot *zone.Snapshot) []string {
	t.Helper()
	results, err := f.Publish(t.Context(), []*zone.Snapshot{snapshot})
	must(t, err)
	whole := bytes.Split(read(t, results[0].Path), []byte("\n"))
	var text []byte
	for _, line := range whole {
		if name, ok := bytes.CutPrefix(line, []byte("$INCLUDE ")); ok {
			text = append(text, read(t, filepath.Join(filepath.Dir(results[0].Path), string(name)))...)
		} else if len(line) > 0 {
			text = append(append(text, line...), '\n')
		}
	}
	size := int64(0)
	for _, name := range names(t, filepath.Dir(results[0].Path)) {
		if bytes.Contains(read(t, results[0].Path), []byte(name)) {
			size += stat(t, filepath.Join(filepath.Dir(results[0].Path), name)).Size()
		}
	}
	if size += stat(t, results[0].Path).Size(); results[0].Bytes != size {
		t.Errorf("%d bytes, want %d", results[0].Bytes, size)
	}
	if want := snapshot.Append(nil, results[0].Serial); !bytes.Equal(text, want) {
		t.Errorf("the root and its chunks are\n%s\nnot\n%s", text, want)
	}
	return slices.DeleteFunc(names(t, filepath.Dir(results[0].Path)), func(name string) bool { return !strings.HasPrefix(name, zone.ChunkPrefix) })
}

// A change writes the root and one chunk; the chunk that is no longer included goes after the grace time.
func TestChunked(t *testing.T) {
	path, now := t.TempDir(), noon
	options := func(o *publish.FolderOptions) {
		o.Layout, o.ChunkGrace = publish.Chunked, time.Minute
		o.Now = func() time.Time { return now }
	}
	f := open(t, path, options)
	first := chunked(t, f, forward(t, 1))
	second := chunked(t, f, forward(t, 2))
	if len(first) == 0 || len(second) <= len(first) {
		t.Errorf("chunks %v, then %v", first, second)
	}
	now = now.Add(time.Second) // the first chunks are seen to be spare
	chunked(t, f, forward(t, 2))
	now = now.Add(59 * time.Second)
	if got := chunked(t, f, forward(t, 2)); !slices.Equal(got, second) {
		t.Errorf("within the grace time there are %v, want %v", got, second)
	}
	now = now.Add(time.Second)
	last := chunked(t, f, forward(t, 2))
	if slices.ContainsFunc(first, func(name string) bool { return slices.Contains(last, name) }) {
		t.Errorf("of the first chunks %v some are left: %v", first, last)
	}

	// A restart adopts what is there, and removes what an earlier run left.
	must(t, f.Close())
	stray := filepath.Join(path, zone.ChunkPrefix+strings.Repeat("0", 32))
	must(t, os.WriteFile(stray, nil, 0o600))
	other := filepath.Join(path, zone.ChunkPrefix+"of-somebody-else")
	must(t, os.WriteFile(other, nil, 0o600))
	was := stat(t, filepath.Join(path, last[0]))
	f = open(t, path, options)
	chunked(t, f, forward(t, 2))
	untouched(t, was, stat(t, filepath.Join(path, last[0])))
	now = now.Add(time.Minute)
	got := chunked(t, f, forward(t, 2))
	if slices.Contains(got, filepath.Base(stray)) || !slices.Contains(got, filepath.Base(other)) {
		t.Errorf("files are %v", got)
	}

	// A chunk that somebody changed or removed is put right.
	must(t, os.WriteFile(filepath.Join(path, last[0]), []byte("@ A 192.0.2.1\n"), 0o600))
	chunked(t, f, forward(t, 2))
	must(t, os.Remove(filepath.Join(path, last[0])))
	chunked(t, f, forward(t, 2))
}

// A chunk that somebody writes to in place, which the folder does not tell, is put right
// although the changes never pause.
func TestChunksDuringChanges(t *testing.T) {
	path, now := t.TempDir(), noon
	f := open(t, path, func(o *publish.FolderOptions) {
		o.Layout = publish.Chunked
		o.Now = func() time.Time { return now }
	})
	set, err := zone.NewSet(zone.Options{Zones: []string{origin}, NoReverse: true})
	must(t, err)
	service := func(i, generation int) zone.Service {
		return zone.Service{
			Key:  zone.Key{Namespace: "shop", Name: fmt.Sprint("web-", i)},
			Type: zone.ClusterSetIP, IPs: []string{addressOf(generation, i)},
		}
	}
	for i := range 200 {
		set.Apply(zone.Changes{Services: []zone.Service{service(i, 1)}})
	}
	all := chunked(t, f, set.Snapshots()[0])
	other := slices.IndexFunc(all, func(name string) bool {
		return !bytes.Contains(read(t, filepath.Join(path, name)), []byte("web-0."))
	})
	victim := filepath.Join(path, all[other])
	want := read(t, victim)
	must(t, os.WriteFile(victim, []byte("@ A 192.0.2.1\n"), 0o600))
	for generation := 2; !bytes.Equal(read(t, victim), want); generation++ {
		if generation > 40 {
			t.Fatal("the chunk is still the wrong one")
		}
		now = now.Add(time.Second)
		set.Apply(zone.Changes{Services: []zone.Service{service(0, generation)}})
		results, err := f.Publish(t.Context(), set.Snapshots())
		must(t, err)
		if !results[0].Written {
			t.Fatal("nothing was written")
		}
	}
}
