package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// TestGoldensLoad has the checkers of BIND, NSD and Knot read the zone files in the goldens of package zone, which are
// all kinds of services, bad input and odd options.
func TestGoldensLoad(t *testing.T) {
	archives, err := filepath.Glob("../zone/testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	zones := 0
	for _, path := range archives {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			origin, ok := strings.CutPrefix(f.Name, "db.")
			if !ok {
				continue
			}
			zones++
			file := filepath.Join(t.TempDir(), f.Name)
			if err := os.WriteFile(file, f.Data, 0o600); err != nil {
				t.Fatal(err)
			}
			checkZone(t, origin+".", file)
		}
	}
	if zones < 20 {
		t.Errorf("only %d zones", zones)
	}
}

// TestChunkedLoads has them read the example zones in the chunked layout.
func TestChunkedLoads(t *testing.T) {
	dir := t.TempDir()
	if code := run(t, zonegen(t), "render", "-f", "../examples", "--zone-dir", dir, "--layout", "chunked").wait(); code != 0 {
		t.Fatalf("render: %d", code)
	}
	for _, origin := range allZones {
		checkZone(t, origin, filepath.Join(dir, "db."+strings.TrimSuffix(origin, ".")))
	}
}
