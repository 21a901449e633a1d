package publish_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// serialOf returns the serial of a zone's text.
func serialOf(text []byte) (uint32, error) {
	parser := dns.NewZoneParser(bytes.NewReader(text), origin, "")
	rr, _ := parser.Next()
	soa, ok := rr.(*dns.SOA)
	if !ok {
		return 0, errors.Join(errors.New("no SOA"), parser.Err())
	}
	return soa.Serial, nil
}

// A restart adopts a file with the wanted content and touches nothing.
func TestRestartUnchanged(t *testing.T) {
	path := t.TempDir()
	f := open(t, path, nil)
	first := f.publish(forward(t, 1))
	was := stat(t, first.Path)
	must(t, f.Close())

	f = open(t, path, func(o *publish.FolderOptions) {
		o.Now = func() time.Time { return noon.Add(time.Hour) }
	})
	if r := f.publish(forward(t, 1)); r.Written || r.Serial != first.Serial {
		t.Errorf("result %+v", r)
	}
	untouched(t, was, stat(t, first.Path))
	if f.log.Len() > 0 {
		t.Errorf("log: %s", f.log)
	}
}

// A restart does not know when the content changed: the file that tells it stays.
func TestRestartKeepsTimeOfChange(t *testing.T) {
	set, err := zone.NewSet(zone.Options{NoReverse: true})
	must(t, err)
	web := zone.Service{Key: zone.Key{Namespace: "shop", Name: "web"}, Type: zone.ClusterSetIP, IPs: []string{"10.0.0.1"}}
	set.Apply(zone.Changes{Services: []zone.Service{web}, Seen: noon})
	path := t.TempDir()
	f := open(t, path, nil)
	first := f.publish(set.Snapshots()[0])
	if text := read(t, first.Path); !bytes.Contains(text, []byte("; changed 2")) {
		t.Fatalf("no time of change in\n%s", text)
	}
	was := stat(t, first.Path)
	must(t, f.Close())

	set, err = zone.NewSet(zone.Options{NoReverse: true})
	must(t, err)
	set.Apply(zone.Changes{Services: []zone.Service{web}})
	f = open(t, path, nil)
	results, err := f.Publish(t.Context(), set.Snapshots()[:1])
	must(t, err)
	if r := results[0]; r.Written || r.Serial != first.Serial {
		t.Errorf("result %+v", r)
	}
	untouched(t, was, stat(t, first.Path))
}

// The serial goes on from the file, also when the clock went back.
func TestRestartChanged(t *testing.T) {
	for _, test := range []struct {
		name string
		now  time.Time
		want uint32
	}{
		{"later", noon.Add(time.Hour), uint32(noon.Unix()) + 3600},
		{"the same second", noon, uint32(noon.Unix()) + 1},
		{"the clock went back", noon.Add(-24 * time.Hour), uint32(noon.Unix()) + 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := t.TempDir()
			f := open(t, path, nil)
			f.publish(forward(t, 1))
			must(t, f.Close())
			f = open(t, path, func(o *publish.FolderOptions) { o.Now = func() time.Time { return test.now } })
			if r := f.publish(forward(t, 2)); !r.Written || r.Serial != test.want {
				t.Errorf("result %+v, want serial %d", r, test.want)
			}
			if f.log.Len() > 0 {
				t.Errorf("log: %s", f.log)
			}
		})
	}
}

// Whatever stands at the zone's name is replaced by a zone, with a serial that
// goes on from it if it has one, and a warning if it is not ours.
func TestForeignFile(t *testing.T) {
	const ahead = 2_000_000_000 // later than noon
	now := uint32(noon.Unix())
	ours := func(serial uint32) string { return string(forward(t, 1).Append(nil, serial)) }
	random := make([]byte, 1<<16)
	for i := range random {
		random[i] = byte(rand.Uint32())
	}
	for _, test := range []struct {
		name, text string
		serial     uint32
		quiet      bool
	}{
		{"empty", "", now, false},
		{"no zone", "hello, world\n", now, false},
		{"random bytes", string(random), now, false},
		{"somebody's zone", fmt.Sprintf("@ 5 IN SOA a b %d 1 1 1 1\n", ahead), ahead + 1, false},
		{"in many lines, with a comment", fmt.Sprintf("; Hello.\n$ORIGIN local.\n$TTL 1h\nCLUSTERSET SOA a b (\n %d ; serial\n 1 1 1 1 )\n", ahead), ahead + 1, false},
		{"another zone's", fmt.Sprintf("example.org. 5 IN SOA a b %d 1 1 1 1\n", ahead), ahead + 1, false},
		{"something before the SOA", fmt.Sprintf("@ 5 IN NS a\n@ 5 IN SOA a b %d 1 1 1 1\n", ahead), now, false},
		{"an include", "$INCLUDE /etc/passwd\n" + ours(ahead), now, false},
		{"serial 0", ours(0), now, false},
		{"the end of serials", ours(1<<32-1) + "x 5 A 127.0.0.1\n", now, true},
		{"ours, cut off", ours(ahead)[:300], ahead + 1, true},
		{"ours, with more", ours(ahead) + "x 5 A 127.0.0.1\n", ahead + 1, true},
		{"ours, changed", strings.Replace(ours(ahead), "10.0.1.3", "10.0.1.9", 1), ahead + 1, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := t.TempDir()
			must(t, os.WriteFile(filepath.Join(path, zoneName), []byte(test.text), 0o644))
			f := open(t, path, nil)
			if r := f.publish(forward(t, 1)); !r.Written || r.Serial != test.serial {
				t.Errorf("result %+v, want serial %d", r, test.serial)
			}
			if quiet := !strings.Contains(f.log.String(), "level=WARN"); quiet != test.quiet {
				t.Errorf("log: %s", f.log)
			}
		})
	}
}

// Reading back is bounded, and what is no file is not read at all.
func TestForeignKinds(t *testing.T) {
	for _, test := range []struct {
		name string
		make func(path string) error
	}{
		{"a terabyte of nothing", func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o644), os.Truncate(path, 1<<40))
		}},
		{"a pipe", func(path string) error { return syscall.Mkfifo(path, 0o644) }},
		{"a link", func(path string) error {
			target := filepath.Join(filepath.Dir(path), "target")
			return errors.Join(os.WriteFile(target, []byte("stays"), 0o644), os.Symlink("target", path))
		}},
		{"a link to nowhere", func(path string) error { return os.Symlink("/nowhere", path) }},
		{"a link to itself", func(path string) error { return os.Symlink(zoneName, path) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := t.TempDir()
			must(t, test.make(filepath.Join(path, zoneName)))
			f := open(t, path, nil)
			if r := f.publish(forward(t, 1)); !r.Written {
				t.Errorf("result %+v", r)
			}
			if info := stat(t, filepath.Join(path, zoneName)); !info.Mode().IsRegular() {
				t.Errorf("it is still %v", info.Mode())
			}
			if !strings.Contains(f.log.String(), "level=WARN") {
				t.Errorf("log: %s", f.log)
			}
			if text, err := os.ReadFile(filepath.Join(path, "target")); err == nil && string(text) != "stays" {
				t.Error("wrote through the link")
			}
		})
	}
}
