package multicluster

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"

	"github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

// dump is all records of a version, sorted.
func dump(s *snapshot) string {
	lines := []string{s.soa.String()}
	for _, ns := range s.ns {
		lines = append(lines, ns.String())
	}
	if s.file != nil {
		return "from file"
	}
	for batch := range s.walk {
		for _, rr := range batch {
			lines = append(lines, rr.String())
		}
	}
	if len(lines) != s.records {
		lines = append(lines, fmt.Sprintf("%d records, not %d", len(lines), s.records))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// dumpOf is all records of a zone file, sorted.
func dumpOf(t testing.TB, origin, text string) string {
	t.Helper()
	var lines []string
	zp := dns.NewZoneParser(strings.NewReader(text), origin, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		lines = append(lines, rr.String())
	}
	if zp.Err() != nil {
		t.Fatal(zp.Err())
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// writeLayout writes a zone in one of the layouts. It returns the text of the
// single one.
func writeLayout(t testing.TB, dir string, s *zone.Snapshot, serial uint32, layout string) string {
	t.Helper()
	text := string(s.Append(nil, serial))
	switch layout {
	case "chunked":
		root, chunks := s.Chunked()
		for _, chunk := range chunks {
			var content []byte
			for _, b := range chunk.Buffers() {
				content = append(content, b...)
			}
			put(t, dir, chunk.Name, string(content))
		}
		put(t, dir, fileOf(s.Origin()), string(root.Append(nil, serial)))
	case "plain":
		put(t, dir, fileOf(s.Origin()), plain(text))
	default:
		put(t, dir, fileOf(s.Origin()), text)
	}
	old(t, dir, fileOf(s.Origin()))
	return text
}

// TestDifferencesAddUp takes zones through random histories in changing layouts,
// with files between that do not load. What is loaded by difference must be what
// the file says.
func TestDifferencesAddUp(t *testing.T) {
	for seed := range uint64(8) {
		rng := rand.New(rand.NewPCG(seed, 3))
		set := newSet(t, zone.Options{})
		dir := t.TempDir()
		zones := make(map[string]*fileZone)
		layout := "single"
		for step := range 60 {
			c := zone.Changes{Services: randomServices(rng, rng.IntN(12))}
			for i := range c.Services {
				c.Services[i].Name = fmt.Sprintf("s%d", rng.IntN(30))
			}
			slices.SortFunc(c.Services, func(a, b zone.Service) int { return strings.Compare(a.String(), b.String()) })
			c.Services = slices.CompactFunc(c.Services, func(a, b zone.Service) bool { return a.Key == b.Key })
			if step%7 == 0 {
				for i := range 30 {
					c.Removed = append(c.Removed, zone.Key{Namespace: "n1", Name: fmt.Sprintf("s%d", i)})
				}
			}
			set.Apply(c)
			if rng.IntN(4) == 0 {
				layout = []string{"single", "chunked", "plain"}[rng.IntN(3)]
			}
			for _, s := range set.Snapshots() {
				z := zones[s.Origin()]
				if z == nil {
					z = newZone(options{zone: s.Origin(), dir: dir, limits: defaultLimits})
					zones[s.Origin()] = z
				}
				before := z.current.Load()
				if before != nil && rng.IntN(4) == 0 {
					spoil(t, rng, dir, fileOf(s.Origin()), string(s.Append(nil, 9999)))
					if z.check(t.Context()); z.current.Load() != before {
						t.Fatalf("seed %d, step %d: a spoilt file was loaded", seed, step)
					}
				}
				want := dumpOf(t, s.Origin(), writeLayout(t, dir, s, uint32(step+1), layout))
				z.check(t.Context())
				if got := dump(z.current.Load()); got != want {
					t.Fatalf("seed %d, step %d, %s: %s\ngot\n%s\nwant\n%s", seed, step, layout, z.trouble, got, want)
				}
				checkIndex(t, z.current.Load())
			}
		}
	}
}

// spoil writes a file that must not load.
func spoil(t testing.TB, rng *rand.Rand, dir, name, text string) {
	t.Helper()
	switch rng.IntN(5) {
	case 0:
		text = ""
	case 1:
		text = text[:len(text)-1-rng.IntN(20)]
		text = text[:len(text)-1] // not at the end of a line
		text = strings.TrimRight(text, "\n")
	case 2:
		text += "$INCLUDE chunk-00000000000000000000000000000000\n"
	case 3:
		text = strings.Replace(text, " SOA ", " TXT ", 1)
	case 4:
		text += "x 5 A 1.2.3.4.5\n"
	}
	put(t, dir, name, text)
	old(t, dir, name)
}

// checkIndex compares an index with one that is made of the same parts at once.
func checkIndex(t testing.TB, s *snapshot) {
	t.Helper()
	fresh := newIndex(s.zone).edit()
	for _, b := range s.index.sorted() {
		if len(b.parts) > 0 {
			fresh.set(b.name, b.parts)
		}
	}
	want := fresh.result()
	if s.index.branches != want.branches {
		t.Errorf("%d branches, not %d", s.index.branches, want.branches)
	}
	for _, b := range want.sorted() {
		if got := s.index.find(b.name); got == nil || got.below != b.below {
			t.Errorf("branch %s is %v, not %v", b.name, got, b)
		}
	}
}

// TestParsesOnlyWhatIsNew counts the blocks that a change costs.
func TestParsesOnlyWhatIsNew(t *testing.T) {
	for _, layout := range []string{"single", "chunked"} {
		t.Run(layout, func(t *testing.T) {
			dir := t.TempDir()
			set := newSet(t, zone.Options{NoReverse: true})
			services := clusterOf(200, 10)
			set.Apply(zone.Changes{Services: services})
			z := newZone(options{zone: clusterset, dir: dir, limits: defaultLimits})
			writeLayout(t, dir, set.Snapshots()[0], 1, layout)
			z.check(t.Context())
			before := partsOf(z.current.Load())
			services[5].Slices[0].Endpoints[0].Ready = false
			set.Apply(zone.Changes{Services: services[5:6]})
			writeLayout(t, dir, set.Snapshots()[0], 2, layout)
			z.check(t.Context())
			fresh := 0
			for p := range partsOf(z.current.Load()) {
				if !before[p] {
					fresh++
				}
			}
			if fresh != 1 {
				t.Errorf("%d parts are new, not 1", fresh)
			}
		})
	}
}

func partsOf(s *snapshot) map[*part]bool {
	all := make(map[*part]bool)
	for _, b := range s.index.sorted() {
		for _, p := range b.parts {
			all[p] = true
		}
	}
	return all
}

// TestKnownChunkIsNotRead: a chunk is read once, and not missed afterwards.
func TestKnownChunkIsNotRead(t *testing.T) {
	dir := t.TempDir()
	set := newSet(t, zone.Options{NoReverse: true})
	set.Apply(zone.Changes{Services: clusterOf(100, 10)})
	z := newZone(options{zone: clusterset, dir: dir, limits: defaultLimits})
	writeLayout(t, dir, set.Snapshots()[0], 1, "chunked")
	z.check(t.Context())
	before := dump(z.current.Load())
	chunks, err := filepath.Glob(filepath.Join(dir, zone.ChunkPrefix+"*"))
	if err != nil || len(chunks) == 0 {
		t.Fatalf("chunks: %v, %v", chunks, err)
	}
	for _, name := range chunks {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	root, _ := set.Snapshots()[0].Chunked()
	put(t, dir, fileOf(clusterset), string(root.Append(nil, 2)))
	z.check(t.Context())
	if got := z.current.Load(); got.serial() != 2 || strings.Replace(dump(got), " 2 7200", " 1 7200", 1) != before {
		t.Errorf("serial %d: %s", got.serial(), z.trouble)
	}
}

// TestLargeBlock: a block that is larger than what is read at once, and that
// goes on in more chunks.
func TestLargeBlock(t *testing.T) {
	for _, layout := range []string{"single", "chunked"} {
		t.Run(layout, func(t *testing.T) {
			dir := t.TempDir()
			set := newSet(t, zone.Options{NoReverse: true})
			services := clusterOf(1, 9000)
			set.Apply(zone.Changes{Services: services})
			s := set.Snapshots()[0]
			want := dumpOf(t, clusterset, writeLayout(t, dir, s, 1, layout))
			z := newZone(options{zone: clusterset, dir: dir, limits: defaultLimits})
			z.check(t.Context())
			if got := dump(z.current.Load()); got != want {
				t.Fatalf("%d octets, not %d: %s", len(got), len(want), z.trouble)
			}
			m := &Multicluster{zones: &zones{zones: []*fileZone{z}}}
			files := map[string]string{clusterset: string(s.Append(nil, 1))}
			theirs := fileOfAll(t, files)
			key, slice := services[0].Key, services[0].Slices[0]
			name := key.Name + "." + key.Namespace + ".svc." + clusterset
			endpoint := synthetic.EndpointName(slice.Endpoints[7].Addresses[0], slice.Cluster, key, clusterset)
			for _, name := range []string{name, "_http._tcp." + name, "_tcp." + name, "cluster-1." + name, endpoint} {
				for _, qtype := range []uint16{dns.TypeA, dns.TypeSRV, dns.TypeTXT} {
					r := question(name, qtype)
					got, want := ask(t, m, r), ask(t, theirs, r)
					fit(want, request.Request{Req: r, W: &test.ResponseWriter{TCP: true}})
					if sectionsOf(got) != sectionsOf(want) {
						t.Errorf("%s %s differs: %d, %d records, not %d, %d", name, dns.Type(qtype),
							len(got.Answer), len(got.Extra), len(want.Answer), len(want.Extra))
					}
				}
			}
		})
	}
}
