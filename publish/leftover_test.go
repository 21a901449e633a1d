package publish

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Where there are no locks, a temporary file may be another zonegen's: only an
// old one is taken for a leftover.
func TestLeftoversWithoutLock(t *testing.T) {
	path := t.TempDir()
	f, err := OpenFolder(FolderOptions{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	f.handle.locked = false
	for name, age := range map[string]time.Duration{
		".zonegen-1.tmp": 0,
		".zonegen-2.tmp": abandoned / 2,
		".zonegen-3.tmp": abandoned * 2,
	} {
		file := filepath.Join(path, name)
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	f.removeLeftovers()
	left, err := filepath.Glob(filepath.Join(path, ".*"))
	if err != nil || len(left) != 2 || filepath.Base(left[1]) != ".zonegen-2.tmp" {
		t.Errorf("left %q, %v", left, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}
