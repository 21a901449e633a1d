package multicluster

import (
	"bytes"
	"io"
	golog "log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// logged collects what is logged until the test ends.
func logged(t testing.TB) func() string {
	t.Helper()
	var b lockedBuffer
	golog.SetOutput(&b)
	t.Cleanup(func() { golog.SetOutput(io.Discard) })
	return b.take
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.b.String()
	l.b.Reset()
	return text
}

// valueOf is the value of a metric of a zone: for a histogram the number of its
// observations, for one that is not there -1.
func valueOf(t testing.TB, name, zone string) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "coredns_multicluster_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			isZone := func(l *dto.LabelPair) bool { return l.GetName() == "zone" && l.GetValue() == zone }
			if slices.ContainsFunc(m.GetLabel(), isZone) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return -1
}

// oneZone is a zone whose file is not there yet.
func oneZone(t testing.TB) (z *fileZone, dir string) {
	t.Helper()
	dir = t.TempDir()
	z = newZone(options{zone: clusterset, dir: dir, limits: defaultLimits})
	z.series.begin()
	t.Cleanup(func() { z.series.end() })
	return z, dir
}

// TestFailuresLeaveTheZone goes through files that do not load. Each is one line
// in the log, and counted; the zone before stays.
func TestFailuresLeaveTheZone(t *testing.T) {
	good := zoneFile(clusterset, 7, "a 5 A 192.0.2.1")
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "no SOA record of clusterset.local."},
		{"comments only", "; nothing\n", "no SOA record"},
		{"cut off", good[:len(good)-4], "the file is not complete"},
		{"cut off at a line", good[:strings.Index(good, "a 5 A")], "the file is not complete"},
		{"cut off in the SOA", good[:150], "the file is not complete"},
		{"the end of another version", strings.Replace(good, zone.EndLine(7), zone.EndLine(6), 1), "the file is not complete"},
		{"more behind the end", good + "b 5 A 192.0.2.1\n", "the file is not complete"},
		{"cut off, in a form that zonegen does not write", good[:strings.Index(good, "@ 5 NS")] + "a\t5 A 192.0.2.1\n", "the file is not complete"},
		{"bad address", with(good, "b 5 A 192.0.2.256\n"), `bad A A: "192.0.2.256" at line: 7:`},
		{"another zone", zoneFile("example.org.", 7), "the SOA record is that of example.org., not of clusterset.local."},
		{"long name", with(good, strings.Repeat("0123456789.", 25)+" 5 A 192.0.2.1\n"), "bad owner name"},
		{"long relative name", with(good, strings.Repeat("0123456789.", 22)+"x 5 A 192.0.2.1\n"), " A: dns: domain name exceeded 255 wire-format octets"},
		{"long target", with(good, "a 5 SRV 0 0 0 "+strings.Repeat("0123456789.", 22)+"x\n"), " SRV: SRV.Target: dns: domain name exceeded 255 wire-format octets"},
		{"binary", "\x00\xff\x7fELF" + strings.Repeat("\x00", 1000), `\x00" at line: 1:1006`},
		{"no such chunk", with(good, "$INCLUDE chunk-0123456789abcdef0123456789abcdef\n"), "$INCLUDE chunk-0123456789abcdef0123456789abcdef: "},
		{"no such file", with(good, "$INCLUDE other\n"), "$INCLUDE other: "},
		{"generated", with(good, "$GENERATE 1-3 a$ A 192.0.2.$\n"), "$GENERATE is not supported"},
		{"generated, with a carriage return", with(good, "\r$GENERATE 1-3 a$ A 192.0.2.$\n"), "$GENERATE is not supported"},
		{"generated, with parentheses", with(good, "()$GENERATE 1-3 a$ A 192.0.2.$\n"), "$GENERATE is not supported"},
		{"generated, torn apart", with(good, "$GEN\rERATE 1-1 \\$INCLUDE /etc/passwd\n"), "$GENERATE is not supported"},
		{"NSEC3", with(good, "x 5 NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"), "NSEC3 zone is not supported"},
	} {
		t.Run(test.name, func(t *testing.T) {
			z, dir := oneZone(t)
			put(t, dir, "db.clusterset.local", good)
			z.check(t.Context())
			before := z.current.Load()
			if before == nil {
				t.Fatal(z.trouble)
			}
			lines := logged(t)
			failures := valueOf(t, "load_failures_total", z.name)
			put(t, dir, "db.clusterset.local", test.text)
			old(t, dir, "db.clusterset.local")
			z.check(t.Context())
			got := lines()
			want := "[ERROR] plugin/multicluster: Zone clusterset.local. does not load, serial 7 is still served: " + z.path + ": "
			if strings.Count(got, "\n") != 1 || !strings.Contains(got, want) || !strings.Contains(got, test.want) {
				t.Errorf("logged:\n%swant one line with\n%s…%s", got, want, test.want)
			}
			if z.current.Load() != before {
				t.Error("the zone is not the one before")
			}
			if n := valueOf(t, "load_failures_total", z.name); n != failures+1 {
				t.Errorf("%v failures are counted, not one", n-failures)
			}
			again := test.text + ";\n"
			if strings.Contains(test.text, zone.EndMark) {
				again = with(test.text, ";\n")
			}
			put(t, dir, "db.clusterset.local", again)
			old(t, dir, "db.clusterset.local")
			z.check(t.Context())
			if got := lines(); test.name == "bad address" && got != "" {
				t.Errorf("the same failure is logged again:\n%s", got)
			}
			put(t, dir, "db.clusterset.local", zoneFile(clusterset, 8))
			z.check(t.Context())
			if got := lines(); !strings.Contains(got, "loads again") || z.current.Load().serial() != 8 {
				t.Errorf("serial %d, logged:\n%s", z.current.Load().serial(), got)
			}
		})
	}
}

func TestFileThatIsNoFile(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"missing": func(string) error { return nil },
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
		"loop":    func(path string) error { return os.Symlink(filepath.Base(path), path) },
		"device":  func(path string) error { return os.Symlink("/dev/zero", path) },
		"pipe":    mkfifo,
	} {
		t.Run(name, func(t *testing.T) {
			lines := logged(t)
			z, dir := oneZone(t)
			if err := make(filepath.Join(dir, "db.clusterset.local")); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				z.check(t.Context())
			}
			if got := lines(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "does not load, its names get SERVFAIL") {
				t.Errorf("logged:\n%s", got)
			}
		})
	}
}

func TestSerials(t *testing.T) {
	z, dir := oneZone(t)
	load := func(text string) string {
		lines := logged(t)
		put(t, dir, "db.clusterset.local", text)
		z.check(t.Context())
		return lines()
	}
	notified := 0
	z.onLoad = func() { notified++ }
	for _, test := range []struct {
		text     string
		serial   uint32
		notified int
		log      string
	}{
		{zoneFile(clusterset, 10), 10, 1, "serial 10, 3 records"},
		{zoneFile(clusterset, 11, "a 5 A 192.0.2.1"), 11, 2, ""},
		{zoneFile(clusterset, 11, "a 5 A 192.0.2.1"), 11, 2, ""}, // another file, the same content
		{zoneFile(clusterset, 5, "a 5 A 192.0.2.1"), 5, 3, "[WARNING] plugin/multicluster: Zone clusterset.local.: the serial went back from 11 to 5"},
		{zoneFile(clusterset, 5, "a 5 A 192.0.2.2"), 5, 4, "it changed, but serial 5 did not"},
		{zoneFile(clusterset, 5+1<<31, "a 5 A 192.0.2.2"), 5 + 1<<31, 5, ""}, // neither before nor after
		{zoneFile(clusterset, 4_294_967_295), 4_294_967_295, 6, ""},
		{zoneFile(clusterset, 3), 3, 7, ""}, // over the end (RFC 1982)
		{zoneFile(clusterset, 0), 0, 8, "the serial went back from 3 to 0"},
	} {
		got := load(test.text)
		if s := z.current.Load().serial(); s != test.serial || notified != test.notified {
			t.Errorf("serial %d, %d times told; want %d, %d", s, notified, test.serial, test.notified)
		}
		if !strings.Contains(got, test.log) || test.log == "" && got != "" {
			t.Errorf("logged %q, want %q", got, test.log)
		}
	}
}

// TestHalfWritten: a file that somebody may still be writing is left alone.
func TestHalfWritten(t *testing.T) {
	z, dir := oneZone(t)
	path := filepath.Join(dir, "db.clusterset.local")
	write := func(text string, age time.Duration) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	serial := func() uint32 {
		if s := z.current.Load(); s != nil {
			return s.serial()
		}
		return 0
	}
	half, _, _ := strings.Cut(zoneFile(clusterset, 3, "a 5 A 192.0.2.1"), "a 5 A")
	for i, step := range []struct {
		text string
		age  time.Duration
		wait bool
		want uint32
	}{
		{plain(zoneFile(clusterset, 1)), 0, true, 0},     // another's file, just written
		{plain(zoneFile(clusterset, 1)), calm, false, 1}, // and a little later
		{plain(zoneFile(clusterset, 2)), 0, true, 1},     // written over
		{half, 0, true, 1},                                        // one of zonegen's, without the end
		{half, calm / 2, true, 1},                                 // still
		{half, time.Hour, false, 1},                               // and it does not come
		{zoneFile(clusterset, 3, "a 5 A 192.0.2.1"), 0, false, 3}, // there it is
		{strings.Replace(zoneFile(clusterset, 4), zone.EndLine(4), zone.EndLine(3), 1), 0, true, 3}, // the end of the one before
		{zoneFile(clusterset, 4, "a 5 A 192.0.2.11"), -time.Hour, false, 4},                         // a clock that is wrong
	} {
		write(step.text, step.age)
		wait := z.check(t.Context())
		if (wait > 0) != step.wait || wait > calm || serial() != step.want {
			t.Errorf("step %d: wait %s, serial %d, want %d: %s", i, wait, serial(), step.want, z.trouble)
		}
	}
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 5)) // renamed, as zonegen does
	if wait := z.check(t.Context()); wait != 0 || serial() != 5 {
		t.Errorf("wait %s, serial %d", wait, serial())
	}
}

// TestUnchangedFileIsNotRead: looking at it is enough.
func TestUnchangedFileIsNotRead(t *testing.T) {
	z, dir := oneZone(t)
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1))
	put(t, dir, "other.inc", "x 5 A 192.0.2.1\n")
	old(t, dir, "other.inc")
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 2, "$INCLUDE other.inc"))
	z.check(t.Context())
	loads := z.loader.loads
	for range 10 {
		z.check(t.Context())
	}
	if z.loader.loads != loads {
		t.Errorf("%d loads", z.loader.loads-loads)
	}
	put(t, dir, "other.inc", "x 5 A 192.0.2.2\n")
	if wait := z.check(t.Context()); wait != calm || strings.Contains(dump(z.current.Load()), "192.0.2.2") {
		t.Errorf("an included file that may be half written is not waited for: %s", wait)
	}
	old(t, dir, "other.inc")
	z.check(t.Context())
	if got := dump(z.current.Load()); !strings.Contains(got, "192.0.2.2") {
		t.Errorf("the included file is not followed:\n%s", got)
	}
}
