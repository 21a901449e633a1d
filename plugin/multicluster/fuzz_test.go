package multicluster

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"
)

// FuzzScan: the pieces of a text are the text, and each begins at a dollar sign,
// however the text is read.
func FuzzScan(f *testing.F) {
	f.Add([]byte(zoneFile(clusterset, 1, "$ORIGIN a.clusterset.local.", "@ 5 A 192.0.2.1", "$INCLUDE x")), uint8(3))
	f.Add([]byte("\n$\n$\n\n$$\n"), uint8(1))
	f.Add([]byte("no dollar"), uint8(200))
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		for _, in := range []io.Reader{bytes.NewReader(text), iotest.OneByteReader(bytes.NewReader(text)), iotest.DataErrReader(bytes.NewReader(text))} {
			s := newScanner(in, make([]byte, int(size)+1), 1<<30)
			var all []byte
			for n := 0; ; n++ {
				piece, err := s.next()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if len(piece) == 0 || n > 0 && piece[0] != '$' || bytes.Contains(piece, []byte("\n$")) {
					t.Fatalf("piece %d is %q", n, piece)
				}
				include(piece)
				all = append(all, piece...)
			}
			if !bytes.Equal(all, text) {
				t.Fatalf("got %q of %q", all, text)
			}
		}
	})
}

// FuzzLoad loads one text after another. Whatever they are, the second must give
// what it gives alone, and never anything that CoreDNS' file plugin would not load.
func FuzzLoad(f *testing.F) {
	good := zoneFile(clusterset, 1, "$ORIGIN a.b.svc.clusterset.local.", "@ 5 A 192.0.2.1", "@ 5 SRV 0 1 80 h.east", "h.east 5 AAAA 2001:db8::1")
	more := zoneFile(clusterset, 2, "$ORIGIN a.b.svc.clusterset.local. ; headless", "@ 5 A 192.0.2.1", "$ORIGIN a.b.svc.clusterset.local.", "@ 5 A 192.0.2.1")
	f.Add(good, more)
	f.Add(more, good)
	f.Add(plain(good), good)
	f.Add(good, good+"* 5 A 192.0.2.1\n")
	f.Add("", "@ 5 IN SOA a b 1 2 3 4 5\n\\046.x 5 TXT \"\\000\" x ( y\n z )\n")
	f.Add(good, zoneFile(clusterset, 3, "$INCLUDE db.clusterset.local"))
	f.Add(good, zoneFile(clusterset, 3, "$GENERATE 1-65535 a$ A 192.0.2.1"))
	f.Add(good, "$ORIGIN clusterset.local.\n@ 5 IN SOA . . 1 2 3 4 5\n@ 5 NS .\n@ 5 A 192.0.2.1\na.a.a.a.a.a.a.a.a 5 PTR .\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, first, second string) {
		if len(first)+len(second) > 64<<10 {
			return
		}
		for _, without := range []bool{false, true} {
			o := options{zone: clusterset, dir: dir, noEndpoints: without, forward: []string{clusterset}, limits: fuzzLimits}
			path := filepath.Join(o.dir, "db.clusterset.local")
			load := func(z *fileZone, text string) {
				past := time.Now().Add(-time.Minute)
				must(t, os.WriteFile(path+"~", []byte(text), 0o600), os.Rename(path+"~", path), os.Chtimes(path, past, past))
				z.check(t.Context())
			}
			both, alone := newZone(o), newZone(o)
			load(both, first)
			before := both.current.Load()
			load(both, second)
			load(alone, second)
			got, want := both.current.Load(), alone.current.Load()
			if want == nil {
				if got != before {
					t.Fatalf("it loads after another only: %q, %q", first, second)
				}
				return
			}
			if dump(got) != dump(want) {
				t.Fatalf("got\n%s\nwant\n%s", dump(got), dump(want))
			}
			if want.file == nil {
				checkIndex(t, got)
			}
			if strings.Contains(strings.ToUpper(second), "INCLUDE") {
				continue // file looks elsewhere
			}
			if _, err := file.Parse(strings.NewReader(second), clusterset, "", -1); err != nil {
				t.Fatalf("file does not load it: %v\n%q", err, second)
			}
		}
	})
}

// fuzzLimits are small, so that a text can go beyond.
var fuzzLimits = limits{size: 1 << 20, files: 8, records: 10_000, include: 64 << 10, block: 64 << 10, entry: 16 << 10, memory: 64 << 20}

// FuzzInclude loads a zone file that may include another, as a chunk or by any plain
// name. What is read block by block must be what the general parser reads.
func FuzzInclude(f *testing.F) {
	const content = "$ORIGIN a.b.svc.clusterset.local.\n@ 5 A 192.0.2.1\nh.east 5 A 192.0.2.1\n"
	for _, root := range []string{
		zoneFile(clusterset, 1, "$INCLUDE CHUNK"), zoneFile(clusterset, 1, "$INCLUDE zone.inc"), plain(zoneFile(clusterset, 1, "$INCLUDE CHUNK")),
		zoneFile(clusterset, 1, "$INCLUDE CHUNK", "$INCLUDE CHUNK"), zoneFile(clusterset, 1, "$INCLUDE CHUNK x.clusterset.local."),
		zoneFile(clusterset, 1, "$INCLUDE zone.inc", "$ORIGIN a.b.svc.clusterset.local.", "@ 5 A 192.0.2.2", "$INCLUDE CHUNK"),
		zoneFile(clusterset, 1, "$INCLUDE db.clusterset.local"), zoneFile(clusterset, 1, "$INCLUDE ../zone.inc"), "$INCLUDE zone.inc",
	} {
		for _, content := range []string{
			content, plain(content), content + "$INCLUDE zone.inc\n", "$INCLUDE db.clusterset.local\n", "@ 5 TXT \"", "@ 5 TXT (", "", "x 5 A 192.0.2.1",
			zoneFile(clusterset, 2), "$GENERATE 1-9 a$ A 192.0.2.1\n",
		} {
			f.Add(root, content)
		}
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, root, content string) {
		if len(root)+len(content) > 64<<10 {
			return
		}
		past := time.Now().Add(-time.Minute)
		write := func(name, text string) {
			path := filepath.Join(dir, name)
			must(t, os.WriteFile(path+"~", []byte(text), 0o600), os.Chtimes(path+"~", past, past), os.Rename(path+"~", path))
		}
		chunk := chunkOf(content)
		defer func() { _ = os.Remove(filepath.Join(dir, chunk)) }()
		write(chunk, content)
		write("zone.inc", content)
		write("db.clusterset.local", strings.ReplaceAll(root, "CHUNK", chunk))
		z := newZone(options{zone: clusterset, dir: dir, limits: fuzzLimits})
		z.check(t.Context())
		got := z.current.Load()
		if got == nil {
			return
		}
		again, err := openFolder(z.path, fuzzLimits)
		must(t, err)
		defer again.close()
		want, err := newLoader(z.loader.options).general(t.Context(), again)
		must(t, err)
		if dump(got) != dump(want) {
			t.Fatalf("got\n%s\nwant\n%s", dump(got), dump(want))
		}
	})
}

// FuzzQuery asks anything. The answer must fit on the wire.
func FuzzQuery(f *testing.F) {
	for _, name := range []string{"web.shop.svc.clusterset.local.", "_http._tcp.pg.db.svc.ClusterSet.Local.", "10.0.1.10.in-addr.arpa.", `a\.b.clusterset.local.`, "."} {
		r := question(name, dns.TypeSRV)
		r.SetEdns0(1232, true)
		wire, err := r.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	files := texts(shop(f), 7)
	files["example.org."] = zoneFile("example.org.", 1, "a 5 CNAME b", "*.w 5 A 192.0.2.1")
	files["example.net."] = zoneFile("example.net.", 1, "a 5 MX 1 b", "b 5 TXT \"x\"", "c 5 TYPE65280 \\# 2 0102")
	m := loaded(f, files)
	m.Next = test.NextHandler(dns.RcodeRefused, nil)
	f.Fuzz(func(t *testing.T, wire []byte) {
		r := new(dns.Msg)
		if r.Unpack(wire) != nil || len(r.Question) == 0 {
			return
		}
		w := dnstest.NewRecorder(&test.ResponseWriter{})
		if _, err := m.ServeDNS(t.Context(), w, r); err != nil {
			t.Fatal(err)
		}
		if w.Msg == nil {
			return
		}
		if _, err := w.Msg.Pack(); err != nil {
			t.Fatalf("%v: %v", err, w.Msg)
		}
		if zone := m.match(strings.ToLower(r.Question[0].Name)); zone == nil {
			t.Fatalf("an answer for another zone: %v", w.Msg)
		}
	})
}
