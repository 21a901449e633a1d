package check

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldens reads all archives of a folder.
func goldens(t testing.TB, pattern string) map[string]*txtar.Archive {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files %s: %v", pattern, err)
	}
	all := make(map[string]*txtar.Archive)
	for _, file := range files {
		if all[file], err = txtar.ParseFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestGolden checks the files in each archive of testdata and compares the report
// with the archive's last part. Files named db.* are checked, or those that the
// part "files" names, each as FILE or FILE=ORIGIN.
func TestGolden(t *testing.T) {
	for file, archive := range goldens(t, "testdata/*.txtar") {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			golden, err := filepath.Abs(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			var names []string
			got := &txtar.Archive{Comment: archive.Comment}
			for _, f := range archive.Files {
				if f.Name == "report" {
					continue
				}
				got.Files = append(got.Files, f)
				write(t, f.Name, f.Data)
				if strings.HasPrefix(f.Name, "db.") {
					names = append(names, f.Name)
				}
				if f.Name == "files" {
					names = strings.Fields(string(f.Data))
				}
			}
			got.Files = append(got.Files, txtar.File{Name: "report", Data: []byte(reportOf(t, names))})
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				write(t, golden, txtar.Format(got))
			} else if text := txtar.Format(got); !bytes.Equal(text, want) {
				t.Errorf("not as in the golden file (go test ./check -update writes it anew):\n%s", text)
			}
		})
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// reportOf is the report on files as text, as zonegen check prints it.
func reportOf(t *testing.T, files []string) string {
	t.Helper()
	var zones []*Zone
	for _, file := range files {
		path, origin, _ := strings.Cut(file, "=")
		z, err := ReadFile(path, origin)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, z)
	}
	return text(Judge(zones...))
}

func text(r Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(f.String() + "\n")
	}
	for _, s := range r.Zones {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}

// TestZoneGoldens checks that what package zone writes keeps the contract: all
// zones of an archive together, and each alone.
func TestZoneGoldens(t *testing.T) {
	for file, archive := range goldens(t, "../zone/testdata/*.txtar") {
		var zones []*Zone
		for _, f := range archive.Files {
			if !strings.HasPrefix(f.Name, "db.") {
				continue
			}
			z, err := Read(bytes.NewReader(f.Data), Source{Name: f.Name, Origin: originOf(f.Name)})
			if err != nil {
				t.Fatal(err)
			}
			zones = append(zones, z)
			if report := Judge(z); len(report.Findings) > 0 || !report.Zones[0].Judged {
				t.Errorf("%s, %s alone:\n%s", file, f.Name, text(report))
			}
		}
		if report := Judge(zones...); len(report.Findings) > 0 {
			t.Errorf("%s:\n%s", file, text(report))
		}
	}
}

// TestRulesHaveGoldens checks that each rule but that of the size, which would take
// a gigabyte, is found in a golden file, and is in the package's documentation.
func TestRulesHaveGoldens(t *testing.T) {
	found := map[Rule]bool{RuleSize: true}
	for _, archive := range goldens(t, "testdata/*.txtar") {
		for line := range strings.Lines(string(archive.Files[len(archive.Files)-1].Data)) {
			for _, part := range strings.Split(line, ": ") {
				found[Rule(part)] = true
			}
		}
	}
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range Rules {
		if !found[rule] {
			t.Errorf("rule %s: no golden file has a finding of it", rule)
		}
		if !bytes.Contains(doc, []byte("//\t"+rule+" ")) {
			t.Errorf("rule %s: the package's documentation does not tell of it", rule)
		}
	}
}
