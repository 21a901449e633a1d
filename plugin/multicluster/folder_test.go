package multicluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"
)

func chunkOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return zone.ChunkPrefix + hex.EncodeToString(sum[:16])
}

// TestIncludes goes through what an $INCLUDE line may name, in zonegen's form and
// in the general one.
func TestIncludes(t *testing.T) {
	const content = "$ORIGIN x.clusterset.local.\n@ 5 A 192.0.2.1\n"
	outside := t.TempDir()
	put(t, outside, "secret", content)
	for _, test := range []struct{ name, include, want string }{
		{"a plain name", "zone.inc", ""},
		{"a chunk", chunkOf(content), ""},
		{"a link in the folder", "link", ""},
		{"a mounted ConfigMap", "mounted", ""},
		{"an absolute name", filepath.Join(outside, "secret"), "by its plain name"},
		{"an absolute name of a file in the folder", "DIR/zone.inc", "by its plain name"},
		{"a name above", "../secret", "by its plain name"},
		{"a name in a folder below", "sub/zone.inc", "by its plain name"},
		{"the folder", ".", "by its plain name"},
		{"the folder above", "..", "by its plain name"},
		{"a folder", "sub", "not a regular file"},
		{"a link out", "out", "escapes"},
		{"an absolute link out", "out2", "escapes"},
		{"a pipe", "pipe", "not a regular file"},
		{"a chunk that is another", chunkOf("something else"), "the content is not the one that the name tells"},
		{"nothing", "nothing", "no such file"},
		{"itself", "db.clusterset.local", "nested"},
		{"a generated line", "generate.inc", "$GENERATE is not supported"},
	} {
		for form, change := range map[string]func(string) string{"zonegen's": forms["zonegen's"], "general": plain} {
			t.Run(test.name+"/"+form, func(t *testing.T) {
				z, dir := oneZone(t)
				put(t, dir, "zone.inc", content)
				put(t, dir, chunkOf(content), content)
				put(t, dir, chunkOf("something else"), content)
				put(t, dir, "generate.inc", content+"$GENERATE 1-1 \\$INCLUDE /etc/passwd\n")
				old(t, dir, "zone.inc")
				old(t, dir, "generate.inc")
				for _, err := range []error{
					os.Mkdir(filepath.Join(dir, "sub"), 0o700),
					os.WriteFile(filepath.Join(dir, "sub", "zone.inc"), []byte(content), 0o600),
					os.Symlink("zone.inc", filepath.Join(dir, "link")),
					os.Mkdir(filepath.Join(dir, "..2026"), 0o700),
					os.WriteFile(filepath.Join(dir, "..2026", "mounted"), []byte(content), 0o600),
					os.Symlink("..2026", filepath.Join(dir, "..data")),
					os.Symlink("..data/mounted", filepath.Join(dir, "mounted")),
					os.Symlink("../"+filepath.Base(outside)+"/secret", filepath.Join(dir, "out")),
					os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "out2")),
					mkfifo(filepath.Join(dir, "pipe")),
				} {
					if err != nil {
						t.Fatal(err)
					}
				}
				old(t, dir, "mounted")
				include := strings.Replace(test.include, "DIR", dir, 1)
				put(t, dir, "db.clusterset.local", change(zoneFile(clusterset, 1, "$INCLUDE "+include)))
				old(t, dir, "db.clusterset.local")
				z.check(t.Context())
				s := z.current.Load()
				switch {
				case test.want == "" && s == nil:
					t.Error(z.trouble)
				case test.want == "":
					if got := dump(s); !strings.Contains(got, "x.clusterset.local.\t5\tIN\tA\t192.0.2.1") {
						t.Errorf("got\n%s", got)
					}
				case s != nil:
					t.Error("it was loaded")
				case !strings.Contains(z.trouble, test.want):
					t.Errorf("the error is %q, not %q", z.trouble, test.want)
				}
			})
		}
	}
}

// TestChunkThatComesLater: the zone before stays until all chunks are there.
func TestChunkThatComesLater(t *testing.T) {
	z, dir := oneZone(t)
	const content = "$ORIGIN x.clusterset.local.\n@ 5 A 192.0.2.1\n"
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1))
	z.check(t.Context())
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 2, "$INCLUDE "+chunkOf(content)))
	z.check(t.Context())
	put(t, dir, chunkOf(content), content[:20]) // half of it
	z.check(t.Context())
	if s := z.current.Load().serial(); s != 1 {
		t.Fatalf("serial %d", s)
	}
	put(t, dir, chunkOf(content), content)
	z.check(t.Context())
	if s := z.current.Load().serial(); s != 2 {
		t.Fatalf("serial %d: %s", s, z.trouble)
	}
}

// TestLimits: a zone that is too large does not load.
func TestLimits(t *testing.T) {
	var lines, blocks []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("h%d 5 A 192.0.2.1", i))
		blocks = append(blocks, fmt.Sprintf("$ORIGIN h%d.clusterset.local.", i))
	}
	chunk := "$ORIGIN x.clusterset.local.\n" + strings.Join(lines, "\n") + "\n"
	for _, test := range []struct {
		name   string
		limits func(*limits)
		text   string
		want   error
	}{
		{"size", func(l *limits) { l.size = 1000 }, zoneFile(clusterset, 1, lines...), errTooLarge},
		{"size in the general form", func(l *limits) { l.size = 1000 }, plain(zoneFile(clusterset, 1, lines...)), errTooLarge},
		{"size of what is included", func(l *limits) { l.size = 1000 }, zoneFile(clusterset, 1, "$INCLUDE "+chunkOf(chunk)), errTooLarge},
		{"size of one file", func(l *limits) { l.include = 1000 }, zoneFile(clusterset, 1, "$INCLUDE "+chunkOf(chunk)), errInclude},
		{"size of one file in the general form", func(l *limits) { l.include = 1000 }, plain(zoneFile(clusterset, 1, "$INCLUDE "+chunkOf(chunk))), errInclude},
		{"records", func(l *limits) { l.records = 100 }, plain(zoneFile(clusterset, 1, lines...)), errTooLarge},
		{"blocks", func(l *limits) { l.records = 100 }, zoneFile(clusterset, 1, blocks...), errTooLarge},
		{"files", func(l *limits) { l.files = 0 }, zoneFile(clusterset, 1, "$INCLUDE "+chunkOf(chunk)), errFiles},
		{"entry", func(l *limits) { l.entry = 100 }, plain(zoneFile(clusterset, 1, `x 5 TXT "`+strings.Repeat("x", 100)+`"`)), errEntry},
		{"line without an entry", func(l *limits) { l.entry = 100 }, plain(zoneFile(clusterset, 1, ";"+strings.Repeat("x", 100))), errEntry},
		{"entry of an included file", func(l *limits) { l.entry = 100 }, plain(zoneFile(clusterset, 1, "$INCLUDE "+chunkOf(chunk))), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			z, dir := oneZone(t)
			test.limits(&z.loader.limits)
			put(t, dir, chunkOf(chunk), chunk)
			put(t, dir, "db.clusterset.local", test.text)
			old(t, dir, "db.clusterset.local")
			z.check(t.Context())
			if test.want == nil {
				if z.current.Load() == nil {
					t.Error(z.trouble)
				}
				return
			}
			if z.current.Load() != nil || !strings.Contains(z.trouble, test.want.Error()) {
				t.Errorf("the error is %q, not %q", z.trouble, test.want)
			}
		})
	}
}
