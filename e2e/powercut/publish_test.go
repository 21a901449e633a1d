package powercut_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// TestPowerLoss publishes to a filesystem that keeps what was synced and any part of the rest, and cuts its power again
// and again, wherever publishing or starting again stands. ZONEGEN_E2E_CUTS is how often, for each layout, and
// ZONEGEN_E2E_SEED the seed of chance.
func TestPowerLoss(t *testing.T) {
	cuts, seed := fromEnv(t, "ZONEGEN_E2E_CUTS", 150), fromEnv(t, "ZONEGEN_E2E_SEED", 1)
	for _, layout := range []publish.Layout{publish.Single, publish.Chunked} {
		t.Run(string(layout), func(t *testing.T) {
			m := newMachine(t, layout, rand.New(rand.NewPCG(uint64(seed), 0)))
			for m.cuts < cuts && !t.Failed() {
				m.run(m.rand.IntN(80))
				m.cuts++
			}
			m.run(1 << 30)
			t.Logf("after %d cuts, with seed %d: %d versions were seen, %d of them were lost; %d cuts left temporary files",
				m.cuts, seed, m.versions, m.lost, m.leftovers)
			if m.lost == 0 || m.leftovers == 0 {
				t.Error("no cut hit what it should")
			}
		})
	}
}

// machine is one whose power is cut.
type machine struct {
	t      *testing.T
	rand   *rand.Rand
	disk   *disk
	mount  string
	layout publish.Layout
	states [][]*zone.Snapshot // that can be published
	now    time.Time
	zones  map[string]*history // by file name

	cuts, versions, lost, leftovers int
}

// history is what readers of one zone file have seen, whether it was lost or not.
type history struct {
	texts map[uint32][]byte
	last  uint32 // the newest serial
	safe  uint32 // the serial of the last version that zonegen has said to be on disk; 0: none
}

func newMachine(t *testing.T, layout publish.Layout, r *rand.Rand) *machine {
	t.Helper()
	m := &machine{
		t: t, rand: r, mount: t.TempDir(), layout: layout,
		now: time.Unix(1_790_000_000, 0), zones: map[string]*history{},
	}
	m.disk = newDisk(t)
	for generation := range 5 {
		set, err := zone.NewSet(zone.Options{})
		if err != nil {
			t.Fatal(err)
		}
		services := make([]zone.Service, 100)
		for i := range services {
			services[i] = zone.Service{
				Key:  zone.Key{Namespace: "shop", Name: fmt.Sprintf("web-%d", i)},
				Type: zone.ClusterSetIP,
				IPs:  []string{fmt.Sprintf("10.%d.0.%d", generation*(i%3), i)},
			}
		}
		set.Apply(zone.Changes{Services: services, Namespaces: []string{"shop"}})
		m.states = append(m.states, set.Snapshots())
	}
	return m
}

// see notes what readers could see since the last time.
func (m *machine) see() {
	for _, file := range m.disk.renamed() {
		if strings.HasPrefix(file.Name, "db.") {
			m.seeZone(file.Name, file.Data)
		}
	}
}

func (m *machine) seeZone(name string, text []byte) {
	h := m.zones[name]
	if h == nil {
		h = &history{texts: map[uint32][]byte{}}
		m.zones[name] = h
	}
	serial := serialAtEnd(text)
	if h.last != 0 && !zone.SerialLess(h.last, serial) {
		m.t.Errorf("%s: after %d cuts, serial %d comes after %d, with the same content: %t", name, m.cuts, serial, h.last, bytes.Equal(text, h.texts[serial]))
	}
	h.texts[serial], h.last = text, serial
	m.versions++
}

// run starts with what is left, and publishes until the next cut, after so many changes, or a few times.
func (m *machine) run(changes int) {
	m.t.Helper()
	m.disk.start(m.mount, m.rand.Uint64(), changes)
	defer m.disk.stop()
	path := filepath.Join(m.mount, "clusterset", "zones")
	m.checkLeft(path)
	if err := m.publish(path); err != nil && !m.disk.off() {
		m.t.Errorf("with power: %v", err)
	}
}

// publish is a run of zonegen.
func (m *machine) publish(path string) error {
	// It does not matter whether the clock runs, stands or goes back.
	m.now = m.now.Add(time.Duration(m.rand.IntN(5)-1) * time.Second / 2)
	folder, err := publish.OpenFolder(publish.FolderOptions{
		Path: path, Layout: m.layout, ChunkGrace: time.Nanosecond,
		Now: func() time.Time { return m.now },
	})
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // without power it fails
	for range 10 {
		state := m.states[m.rand.IntN(len(m.states))]
		results, err := folder.Publish(context.Background(), state)
		m.see()
		if err != nil {
			return err
		}
		for _, r := range results {
			h := m.zones[filepath.Base(r.Path)]
			if h.safe = r.Serial; r.Serial != h.last {
				m.t.Errorf("%s has serial %d, and readers have seen %d", r.Path, r.Serial, h.last)
			}
		}
		if names := m.temps(path); len(names) > 0 && !m.disk.off() {
			m.t.Errorf("after publishing there are %q", names)
		}
		m.now = m.now.Add(time.Duration(m.rand.IntN(3)) * time.Second)
	}
	return nil
}

var include = regexp.MustCompile(`(?m)^\$INCLUDE (.*)$`)

// checkLeft checks what a cut has left.
func (m *machine) checkLeft(path string) {
	m.t.Helper()
	if len(m.temps(path)) > 0 {
		m.leftovers++
	}
	for name, h := range m.zones {
		file := filepath.Join(path, name)
		text, err := os.ReadFile(file)
		if os.IsNotExist(err) && h.safe == 0 {
			continue
		}
		if m.disk.off() {
			return
		}
		if err != nil {
			m.t.Errorf("after %d cuts: %v", m.cuts, err)
			continue
		}
		serial := serialAtEnd(text)
		if want := h.texts[serial]; want == nil || !bytes.Equal(text, want) || zone.SerialLess(serial, h.safe) {
			m.t.Errorf("after %d cuts, %s has %d octets and serial %d, which were never published, or before %d:\n%.200s", m.cuts, name, len(text), serial, h.safe, text)
		}
		if serial != h.last {
			m.lost++
		}
		if info, err := os.Stat(file); err != nil || info.Mode() != publish.DefaultMode {
			m.t.Errorf("after %d cuts, %s has mode %v, %v", m.cuts, name, info.Mode(), err)
		}
		for _, found := range include.FindAllSubmatch(text, -1) {
			chunk, err := os.ReadFile(filepath.Join(path, string(found[1])))
			if err != nil || zone.ChunkName(sha256.Sum256(chunk)) != string(found[1]) {
				m.t.Errorf("after %d cuts, %s includes a chunk that is not whole: %v", m.cuts, name, err)
			}
		}
	}
}

// temps are the files in the folder that are neither zones nor chunks.
func (m *machine) temps(path string) []string {
	entries, _ := os.ReadDir(path) // without power it fails, and before the first run there is none
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, "db.") && !zone.IsChunkName(name) {
			names = append(names, name)
		}
	}
	return slices.Clip(names)
}

// serialAtEnd is the serial that a whole zone file ends with, and 0 of any other.
func serialAtEnd(text []byte) uint32 {
	var serial uint32
	if i := bytes.LastIndex(text, []byte(zone.EndMark)); i >= 0 {
		_, _ = fmt.Sscanf(string(text[i:]), zone.EndMark+"%d\n", &serial) // it stays 0
	}
	return serial
}

func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
