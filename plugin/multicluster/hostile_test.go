package multicluster

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"
)

// allocated returns how much memory do allocates, in octets, whether it is freed
// meanwhile or not.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestHostileFiles has files for a zone that are no zone files: none is loaded, none takes
// much memory, and the zone from before is still served.
func TestHostileFiles(t *testing.T) {
	const endless = 1 << 40 // octets, nearly all of them a hole
	good := zoneFile(clusterset, 1)
	// holed makes a file of zeros that begins with that text.
	holed := func(name, text string) func(dir string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			return errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Truncate(path, endless))
		}
	}
	zoned := func(text string) func(dir string) error { return holed(fileOf(clusterset), text) }
	text := func(text string) func(dir string) error {
		return func(dir string) error {
			return os.WriteFile(filepath.Join(dir, fileOf(clusterset)), []byte(text), 0o600)
		}
	}
	both := func(dos ...func(dir string) error) func(dir string) error {
		return func(dir string) error {
			var errs []error
			for _, do := range dos {
				errs = append(errs, do(dir))
			}
			return errors.Join(errs...)
		}
	}
	chain := func(dir string) error {
		var errs []error
		for i := range 20 {
			errs = append(errs, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.inc", i)), fmt.Appendf(nil, "$INCLUDE %d.inc\n", i+1), 0o600))
		}
		return errors.Join(append(errs, text(plain(good)+"$INCLUDE 0.inc\n")(dir))...)
	}
	for _, test := range []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"a pipe", func(dir string) error { return mkfifo(filepath.Join(dir, fileOf(clusterset))) }, "not a regular file"},
		{"a folder", func(dir string) error { return os.Mkdir(filepath.Join(dir, fileOf(clusterset)), 0o700) }, "not a regular file"},
		{"a link to a device", func(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, fileOf(clusterset))) }, "not a regular file"},
		{"a link to itself", func(dir string) error { return os.Symlink(fileOf(clusterset), filepath.Join(dir, fileOf(clusterset))) }, "too many levels"},
		{"zeros without end", zoned(""), errEntry.Error()},
		{"zeros behind a good zone of zonegen's", zoned(good), errTorn.Error()},
		{"zeros behind a good zone", zoned(plain(good)), errEntry.Error()},
		{"an open quote", zoned(plain(good) + `x 5 TXT "`), errEntry.Error()},
		{"an open parenthesis", zoned(plain(good) + "x 5 TXT ("), errEntry.Error()},
		{"a comment without end", zoned(plain(good) + ";"), errEntry.Error()},
		{"a name without end", zoned(plain(good) + "$ORIGIN "), errEntry.Error()},
		{"many words in a parenthesis", text(plain(good) + "x 5 TXT (" + strings.Repeat("a\n", 1<<20)), errEntry.Error()},
		{"an $INCLUDE of zeros without end", both(holed("zone.inc", ""), text(plain(good)+"$INCLUDE zone.inc\n")), errInclude.Error()},
		{"a chunk of zeros without end", both(holed(chunkOf("x"), "x"), text(with(good, "$INCLUDE "+chunkOf("x")+"\n"))), errInclude.Error()},
		{"an $INCLUDE with an open quote", both(holed("zone.inc", ""), func(dir string) error {
			return os.Truncate(filepath.Join(dir, "zone.inc"), 2<<20)
		}, text(plain(good)+"$INCLUDE zone.inc\n")), errEntry.Error()},
		{"a chain of $INCLUDE", chain, "nested"},
		{"itself, again and again", text(plain(good) + strings.Repeat("$INCLUDE db.clusterset.local\n", 1000)), "nested"},
		{"binary", text("\x7fELF\x00\x00\xff\xfe" + strings.Repeat("\x00\n$\xff", 1000)), "line"},
	} {
		t.Run(test.name, func(t *testing.T) {
			z, dir := oneZone(t)
			put(t, dir, fileOf(clusterset), good)
			if z.check(t.Context()); z.current.Load() == nil {
				t.Fatal(z.trouble)
			}
			must(t, os.Remove(filepath.Join(dir, fileOf(clusterset))), test.make(dir))
			entries, err := os.ReadDir(dir)
			must(t, err)
			for _, e := range entries {
				if e.Type().IsRegular() {
					old(t, dir, e.Name())
				}
			}
			// What is held of zonegen's form, and twice that on the way there.
			bound := uint64(5 * defaultLimits.block)
			if got := allocated(func() { z.check(t.Context()) }); got > bound {
				t.Errorf("%d MiB were allocated, over %d", got>>20, bound>>20)
			}
			if !strings.Contains(z.trouble, test.want) {
				t.Errorf("the error is %q, not %q", z.trouble, test.want)
			}
			if s := z.current.Load(); s.serial() != 1 {
				t.Errorf("serial %d is served", s.serial())
			}
		})
	}
}

// TestMemory has files that take far more memory than they have text. What is allocated on the
// way is bounded by the memory that a zone may take; the zone before stays.
func TestMemory(t *testing.T) {
	const most = 8 << 20
	long := strings.Repeat("a.", 110)
	var labels, owners, reverse, targets []string
	for i := range 40_000 {
		labels = append(labels, fmt.Sprintf("%s%x 5 A 192.0.2.1", long[:190], i))
		owners = append(owners, fmt.Sprintf("%x 5 A 192.0.2.1", i))
		targets = append(targets, fmt.Sprintf("@ 5 SRV 0 1 1 %x", i))
		address := fmt.Sprintf("%08x", uint32(i)*2654435761)
		reverse = append(reverse, strings.Join(strings.Split("00000000000000000000df"+address, ""), ".")+" 5 PTR a.")
	}
	origin := "$ORIGIN " + long + clusterset
	for _, test := range []struct {
		name, zone string
		lines      []string
	}{
		{"names of many labels", clusterset, labels},
		{"short owners below a long name", clusterset, append([]string{origin}, owners...)},
		{"short targets below a long name", clusterset, append([]string{origin}, targets...)},
		{"reverse names without an order", "ip6.arpa.", reverse},
	} {
		for form, change := range map[string]func(string) string{"zonegen's": forms["zonegen's"], "general": plain} {
			t.Run(test.name+"/"+form, func(t *testing.T) {
				dir := t.TempDir()
				z := newZone(options{zone: test.zone, dir: dir, limits: defaultLimits})
				z.loader.limits.memory = most
				name := fileOf(test.zone)
				put(t, dir, name, zoneFile(test.zone, 1))
				if z.check(t.Context()); z.current.Load() == nil {
					t.Fatal(z.trouble)
				}
				put(t, dir, name, change(zoneFile(test.zone, 2, test.lines...)))
				old(t, dir, name)
				got := allocated(func() { z.check(t.Context()) })
				if s := z.current.Load(); s.serial() != 1 || !strings.Contains(z.trouble, errMemory.Error()) || !strings.Contains(z.trouble, " at ") {
					t.Errorf("serial %d is served: %q", s.serial(), z.trouble)
				}
				if got > 12*most {
					t.Errorf("%d MiB were allocated", got>>20)
				}
				t.Logf("%d KiB were allocated", got>>10)
				put(t, dir, name, zoneFile(test.zone, 3))
				if z.check(t.Context()); z.current.Load().serial() != 3 {
					t.Error(z.trouble)
				}
			})
		}
	}
}

// TestMemoryIsThatOfAVersion: what a zone may take counts for what is known and what is new
// together, and what is gone does not count.
func TestMemoryIsThatOfAVersion(t *testing.T) {
	z, dir := oneZone(t)
	z.loader.limits.memory = 100 << 10
	load := func(serial uint32, from, to int) bool {
		var lines []string
		for i := from; i < to; i++ {
			lines = append(lines, fmt.Sprintf("$ORIGIN s%d.a.svc.clusterset.local.", i))
			for j := range 200 {
				lines = append(lines, fmt.Sprintf("h%d.east 5 A 10.0.0.%d", j, j))
			}
		}
		put(t, dir, fileOf(clusterset), zoneFile(clusterset, serial, lines...))
		z.check(t.Context())
		s := z.current.Load()
		return s != nil && s.serial() == serial
	}
	for i := range 20 { // two at a time, one of them known
		if !load(uint32(i+1), i, i+2) {
			t.Fatal(z.trouble)
		}
	}
	if load(50, 19, 28) || !strings.Contains(z.trouble, errMemory.Error()) {
		t.Errorf("it was loaded, or not refused: %q", z.trouble)
	}
}

// TestPipeInPlaceOfAFile: what was a file when it was looked at is a pipe when it is opened,
// and nobody is at its other end.
func TestPipeInPlaceOfAFile(t *testing.T) {
	dir := t.TempDir()
	file, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "pipe")
	must(t, os.WriteFile(file, nil, 0o600), mkfifo(pipe))
	_, _, err := openRegular(pipe, func(string) (fs.FileInfo, error) { return os.Stat(file) }, os.OpenFile)
	if !errors.Is(err, errIrregular) {
		t.Error(err)
	}
}

// TestHugeRRset: a query for a name with far more records than fit into a message is
// answered with what fits, and costs no more than a large message does.
func TestHugeRRset(t *testing.T) {
	const many = 200_000
	var lines []string
	for i := range many {
		lines = append(lines, fmt.Sprintf("a 5 A 10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	for i := range many {
		lines = append(lines, fmt.Sprintf("s 5 SRV 0 1 %d a", i&0xffff), fmt.Sprintf("t 5 TXT \"%d\"", i))
	}
	for form, text := range map[string]string{
		"zonegen's": zoneFile(clusterset, 1, lines...),
		"general":   plain(zoneFile(clusterset, 1, lines...)),
		"file":      plain(zoneFile(clusterset, 1, append(lines, "*.w 5 A 192.0.2.1")...)),
	} {
		m := loaded(t, map[string]string{clusterset: text})
		for name, qtype := range map[string]uint16{"a": dns.TypeA, "s": dns.TypeSRV, "t": dns.TypeTXT} {
			for _, tcp := range []bool{false, true} {
				r := question(name+"."+clusterset, qtype)
				r.SetEdns0(1232, false)
				w := dnstest.NewRecorder(&test.ResponseWriter{TCP: tcp})
				bound := uint64(32 << 20)
				if got := allocated(func() {
					if _, err := m.ServeDNS(t.Context(), w, r); err != nil {
						t.Error(err)
					}
				}); got > bound {
					t.Errorf("%s, %s %s: %d KiB for one answer", form, name, dns.Type(qtype), got>>10)
				}
				if len(w.Msg.Answer) < 10 || len(w.Msg.Answer) > mostRecords {
					t.Errorf("%s, %s %s: %d records", form, name, dns.Type(qtype), len(w.Msg.Answer))
				}
			}
		}
	}
}

// TestCrowdedBranch: a service in very many blocks is loaded and answered as one.
func TestCrowdedBranch(t *testing.T) {
	var lines []string
	for i := range 3 * mostParts {
		lines = append(lines, "$ORIGIN a.b.svc.clusterset.local.", fmt.Sprintf("h%d.east 5 A 10.0.%d.%d", i, i>>8, i&255))
	}
	m := loaded(t, map[string]string{clusterset: zoneFile(clusterset, 1, lines...)})
	if b := m.zones.zones[0].current.Load().index.find("a.b.svc.clusterset.local."); len(b.parts) != 1 {
		t.Errorf("the branch is in %d parts", len(b.parts))
	}
	if got := ask(t, m, question("h7.east.a.b.svc.clusterset.local.", dns.TypeA)); len(got.Answer) != 1 {
		t.Error(got)
	}
}

// TestShardsStaySmall: the index has as many shards as it takes, wherever in the zone the names
// are.
func TestShardsStaySmall(t *testing.T) {
	for _, under := range []string{"", "b.", "b.svc."} {
		var lines []string
		for i := range 5000 {
			lines = append(lines, fmt.Sprintf("$ORIGIN a%d.%sclusterset.local.", i, under), "@ 5 A 192.0.2.1")
		}
		m := loaded(t, map[string]string{clusterset: zoneFile(clusterset, 1, lines...)})
		x := m.zones.zones[0].current.Load().index
		if x.branches > fill*len(x.shards) {
			t.Errorf("a0.%sclusterset.local.: %d branches in %d shards", under, x.branches, len(x.shards))
		}
	}
}
