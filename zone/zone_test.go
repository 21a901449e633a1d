package zone

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden renders the changes in each archive of testdata and compares the
// zones and the problems with the rest of the archive.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			options, changes := Options{TTL: DefaultTTL}, Changes{}
			got := &txtar.Archive{Comment: archive.Comment}
			for _, f := range archive.Files {
				switch f.Name {
				case "options.json":
					decode(t, f.Data, &options)
				case "changes.json":
					decode(t, f.Data, &changes)
				default:
					continue
				}
				got.Files = append(got.Files, f)
			}
			s, err := NewSet(options)
			if err != nil {
				got.Files = append(got.Files, txtar.File{Name: "error", Data: []byte(err.Error() + "\n")})
			} else {
				problems := new(bytes.Buffer)
				for _, p := range s.Apply(changes) {
					fmt.Fprintf(problems, "%s: %s\n", p.Reason, p.Error())
				}
				for _, snap := range s.Snapshots() {
					text := snap.Append(nil, 1)
					name := "db." + strings.TrimSuffix(snap.Origin(), ".")
					got.Files = append(got.Files, txtar.File{Name: name, Data: text})
				}
				got.Files = append(got.Files, txtar.File{Name: "problems", Data: problems.Bytes()})
				compareWithModel(t, s, changes)
			}
			want, _ := os.ReadFile(file)
			if *update {
				if err := os.WriteFile(file, txtar.Format(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if text := txtar.Format(got); !bytes.Equal(text, want) {
				t.Errorf("not as in the golden file (go test ./zone -update writes it anew):\n%s", text)
			}
		})
	}
}

func decode(t *testing.T, data []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

// compareWithModel parses every zone of the set and compares the records with
// those of the model.
func compareWithModel(t *testing.T, s *Set, c Changes) {
	t.Helper()
	want := modelOf(s.options, c.Namespaces, c.Services)
	for _, snap := range s.Snapshots() {
		text := snap.Append(nil, 1)
		got := parse(t, text, snap.Origin())
		if n := snap.Counts().Total(); n != len(got) {
			t.Errorf("zone %s: counts %d records, has %d", snap.Origin(), n, len(got))
		}
		if d := difference(got, want[snap.Origin()]); d != "" {
			t.Errorf("zone %s differs from the model:\n%s\n%s", snap.Origin(), d, text)
		}
		delete(want, snap.Origin())
	}
	if len(want) > 0 {
		t.Errorf("missing zones: %v", slices.Collect(maps.Keys(want)))
	}
}

// parse reads a zone with miekg/dns and returns its records in presentation
// form, sorted.
func parse(t *testing.T, text []byte, origin string) []string {
	t.Helper()
	var out []string
	zp := dns.NewZoneParser(bytes.NewReader(text), origin, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if n := len(rr.Header().Name); n > 254 {
			t.Errorf("zone %s: the name %s has %d octets on the wire", origin, rr.Header().Name, n+1)
		}
		out = append(out, rr.String())
	}
	if err := zp.Err(); err != nil {
		t.Fatalf("zone %s does not parse: %v\n%s", origin, err, text)
	}
	slices.Sort(out)
	return out
}

// difference tells what one list has more often than the other.
func difference(got, want []string) string {
	count := make(map[string]int)
	for _, r := range got {
		count[r]++
	}
	for _, r := range want {
		count[r]--
	}
	var lines []string
	for _, r := range slices.Sorted(maps.Keys(count)) {
		switch n := count[r]; {
		case n > 0:
			lines = append(lines, fmt.Sprintf("%d too many: %s", n, r))
		case n < 0:
			lines = append(lines, fmt.Sprintf("%d missing:  %s", -n, r))
		}
	}
	return strings.Join(lines, "\n")
}
