package publish_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"
)

const bigZones = 3

// bigZone is a zone of more than 128 KB, so that most of the time of its
// publication goes into writing and syncing. Its size depends on the generation,
// modulo bigZones.
func bigZone(generation int) *zone.Snapshot {
	set, err := zone.NewSet(zone.Options{NoReverse: true})
	if err != nil {
		panic(err)
	}
	services := make([]zone.Service, 200+generation%bigZones*100)
	for i := range services {
		services[i] = zone.Service{
			Key:  zone.Key{Namespace: "shop", Name: fmt.Sprintf("web-%d", i)},
			Type: zone.ClusterSetIP,
		}
		for j := range 50 {
			services[i].IPs = append(services[i].IPs, fmt.Sprintf("10.%d.%d.%d", generation%bigZones, i>>8, j+1))
		}
	}
	set.Apply(zone.Changes{Services: services, Namespaces: []string{"shop"}})
	return set.Snapshots()[0]
}

// A writer that is killed at any moment leaves a whole file of a serial that it
// was about to publish or had published, and the next run goes on from there.
func TestKilledWriter(t *testing.T) {
	const rounds = 20
	path := t.TempDir()
	file := filepath.Join(path, zoneName)
	whole := map[string]bool{} // content without the serial's line
	for generation := range bigZones {
		whole[withoutSerial(bigZone(generation).Append(nil, 1))] = true
	}
	interrupted := 0
	last := uint32(0)
	for range rounds {
		c := startChild(t, "write", path)
		for range 1 + rand.IntN(4) {
			line, err := c.out.ReadString('\n')
			must(t, err)
			serial, err := strconv.ParseUint(strings.TrimSpace(line), 10, 32)
			must(t, err)
			if uint32(serial) < last { // the same if the first one is adopted
				t.Fatalf("serial %d after %d", serial, last)
			}
			last = uint32(serial)
		}
		for range rand.IntN(200_000) { // somewhere in the next publication
			runtime.Gosched()
		}
		c.kill(t)
		text := read(t, file)
		if !whole[withoutSerial(text)] {
			t.Fatalf("%d bytes that are no whole zone", len(text))
		}
		serial, err := serialOf(text)
		must(t, err)
		if serial < last {
			t.Fatalf("serial %d is in the file, %d was said", serial, last)
		}
		last = serial
		if len(names(t, path)) > 1 {
			interrupted++
		}
	}
	t.Logf("%d of %d kills hit a publication in the middle", interrupted, rounds)
	if interrupted == 0 {
		t.Error("no kill hit a publication in the middle")
	}

	f := open(t, path, nil)
	if r := f.publish(forward(t, 1)); !r.Written || r.Serial <= last && int32(r.Serial-last) <= 0 {
		t.Errorf("result %+v after serial %d", r, last)
	}
	if got := names(t, path); len(got) != 1 {
		t.Errorf("files %q", got)
	}
}

// withoutSerial cuts the SOA's line out of a zone's text, and the number in the last line.
func withoutSerial(text []byte) string {
	before, rest, _ := strings.Cut(string(text), " SOA ")
	_, after, _ := strings.Cut(rest, "\n")
	return before + strings.TrimRight(after, "0123456789\n")
}

// What an earlier run left is removed at the start; nothing else is.
func TestLeftovers(t *testing.T) {
	path := t.TempDir()
	others := []string{".zonegen", ".zonegen-x.tmp.bak", "x.tmp", "zonegen-1.tmp"}
	for _, name := range append([]string{".zonegen-0123456789abcdef.tmp", ".zonegen-x.tmp"}, others...) {
		must(t, os.WriteFile(filepath.Join(path, name), []byte("x"), 0o600))
	}
	must(t, os.Mkdir(filepath.Join(path, ".zonegen-folder.tmp"), 0o755))
	f := open(t, path, nil)
	for _, name := range append(others, ".zonegen-folder.tmp") {
		stat(t, filepath.Join(path, name))
	}
	if got := names(t, path); len(got) != len(others)+1 {
		t.Errorf("files %q", got)
	}
	if n := strings.Count(f.log.String(), "removed a temporary file"); n != 2 {
		t.Errorf("log: %s", f.log)
	}
	if _, err := os.Stat(filepath.Join(path, zoneName)); !errors.Is(err, fs.ErrNotExist) {
		t.Error("opening published something")
	}
}

// A file under a temporary name may be a version that was read and then lost with the
// power: its serial is not used again, and it stays until that is certain.
func TestLeftoverSerial(t *testing.T) {
	large := bigZone(0)
	now := uint32(noon.Unix())
	for _, test := range []struct {
		name     string
		leftover []byte
		stays    int64  // the size at which it stays, 0: it is removed at the start
		serial   uint32 // of the zone that is published then, 0: it is left as it is
	}{
		{"other content", forward(t, 2).Append(nil, now+7), int64(len(forward(t, 2).Append(nil, now+7))), now + 8},
		{"the same content", forward(t, 1).Append(nil, now+7), int64(len(forward(t, 1).Append(nil, now+7))), now + 8},
		{"a large one", large.Append(nil, now+7), 64 << 10, now + 8},
		{"as old as the zone", forward(t, 2).Append(nil, now), 0, 0},
		{"an older one", forward(t, 2).Append(nil, now-1), 0, 0},
		{"another zone's", snapshots(t, 1)[1].Append(nil, now+7), int64(len(snapshots(t, 1)[1].Append(nil, now+7))), 0},
		{"half a line", forward(t, 2).Append(nil, now+7)[:120], 0, 0},
		{"nothing", nil, 0, 0},
		{"somebody else's", fmt.Appendf(nil, "@ 5 IN SOA a b %d 1 1 1 1\n", now+7), 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := t.TempDir()
			f := open(t, path, nil)
			first := f.publish(forward(t, 1))
			must(t, f.Close())
			leftover := filepath.Join(path, ".zonegen-1.tmp")
			must(t, os.WriteFile(leftover, test.leftover, 0o600))
			f = open(t, path, nil)
			info, err := os.Stat(leftover)
			if test.stays == 0 && !errors.Is(err, fs.ErrNotExist) || test.stays > 0 && (err != nil || info.Size() != test.stays) {
				t.Errorf("after opening it is %v, %v", info, err)
			}
			want := test.serial
			if want == 0 {
				want = first.Serial
			}
			if r := f.publish(forward(t, 1)); r.Serial != want || r.Written != (test.serial > 0) {
				t.Errorf("result %+v, want serial %d", r, want)
			}
			if got := names(t, path); len(got) != 1 {
				t.Errorf("files %q", got)
			}
			if r := f.publish(forward(t, 2)); r.Serial != want+1 {
				t.Errorf("result %+v, want serial %d", r, want+1)
			}
		})
	}
}
