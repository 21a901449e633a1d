package publish_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

const (
	origin   = "clusterset.local."
	zoneName = "db.clusterset.local"
)

// noon is the time of tests' clocks, in the year 2026.
var noon = time.Unix(1_790_000_000, 0)

func clock() time.Time { return noon }

// folder is a Folder under test with a log to look into.
type folder struct {
	*publish.Folder
	t    testing.TB
	path string
	log  *bytes.Buffer
}

// open opens a folder with a fixed clock. Change may be nil.
func open(t testing.TB, path string, change func(*publish.FolderOptions)) *folder {
	t.Helper()
	f := &folder{t: t, path: path, log: new(bytes.Buffer)}
	options := publish.FolderOptions{
		Path:   path,
		Logger: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:    clock,
	}
	if change != nil {
		change(&options)
	}
	var err error
	if f.Folder, err = publish.OpenFolder(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// publish publishes one zone and returns its result, which must be no error.
func (f *folder) publish(snapshot *zone.Snapshot) publish.Result {
	f.t.Helper()
	results, err := f.Publish(context.Background(), []*zone.Snapshot{snapshot})
	if err != nil {
		f.t.Fatal(err)
	}
	r := results[0]
	if r.Err != nil || r.Zone != snapshot.Origin() || filepath.Dir(r.Path) != f.path {
		f.t.Fatalf("result %+v", r)
	}
	if text := read(f.t, r.Path); r.Bytes != int64(len(text)) || !bytes.Equal(text, snapshot.Append(nil, r.Serial)) {
		f.t.Fatalf("%s is not the snapshot with serial %d:\n%.300s", r.Path, r.Serial, text)
	}
	return r
}

// snapshots returns a zone whose services all have the address of a generation,
// and its reverse zone. The number of services is the generation's too.
func snapshots(t testing.TB, generation int) []*zone.Snapshot {
	t.Helper()
	set, err := zone.NewSet(zone.Options{Zones: []string{origin}})
	if err != nil {
		t.Fatal(err)
	}
	services := make([]zone.Service, servicesOf(generation))
	for i := range services {
		services[i] = zone.Service{
			Key:   zone.Key{Namespace: "shop", Name: fmt.Sprintf("web-%d", i)},
			Type:  zone.ClusterSetIP,
			IPs:   []string{addressOf(generation, i)},
			Ports: []zone.Port{{Name: "http", Number: 80}},
		}
	}
	if problems := set.Apply(zone.Changes{Services: services, Namespaces: []string{"shop"}}); len(problems) > 0 {
		t.Fatal(problems)
	}
	return set.Snapshots()
}

// forward is the forward zone of a generation.
func forward(t testing.TB, generation int) *zone.Snapshot {
	t.Helper()
	return snapshots(t, generation)[0]
}

func servicesOf(generation int) int { return 5 + generation%20 }

func addressOf(generation, i int) string {
	return fmt.Sprintf("10.%d.%d.%d", generation>>8, generation&255, i+1)
}

// generationOf parses a forward zone's text and returns its serial and
// generation. The text must be one whole zone of one generation.
func generationOf(text []byte) (serial uint32, generation int, err error) {
	parser := dns.NewZoneParser(bytes.NewReader(text), origin, "")
	generation = -1
	services := 0
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		switch rr := rr.(type) {
		case *dns.SOA:
			if serial != 0 {
				return 0, 0, fmt.Errorf("two SOA")
			}
			serial = rr.Serial
		case *dns.A:
			if !strings.HasSuffix(rr.Hdr.Name, ".svc."+origin) {
				continue
			}
			a := rr.A.To4()
			g := int(a[1])<<8 | int(a[2])
			if generation >= 0 && g != generation {
				return 0, 0, fmt.Errorf("generations %d and %d in one file", generation, g)
			}
			generation = g
			services++
		}
	}
	switch {
	case parser.Err() != nil:
		return 0, 0, parser.Err()
	case serial == 0:
		return 0, 0, fmt.Errorf("no SOA")
	case services != servicesOf(generation):
		return 0, 0, fmt.Errorf("%d services, want %d of generation %d", services, servicesOf(generation), generation)
	}
	return serial, generation, nil
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func stat(t testing.TB, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// names lists a folder.
func names(t testing.TB, path string) []string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// untouched fails the test if a file is not the one that it was.
func untouched(t testing.TB, was, is fs.FileInfo) {
	t.Helper()
	if !os.SameFile(was, is) || !was.ModTime().Equal(is.ModTime()) || was.Size() != is.Size() {
		t.Errorf("%s was touched", is.Name())
	}
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks that an error is of a kind and says all of the words.
func wantError(t testing.TB, err, kind error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
	if !errorIs(err, kind) {
		t.Errorf("error %q is not %v", err, kind)
	}
}
