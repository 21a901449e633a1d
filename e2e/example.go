package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exampleConfig writes a copy of a file of examples/corefiles in which the paths, ports and addresses are those of the
// test, and returns its path. The replacements are pairs of old and new text; each old one must be there.
func exampleConfig(t testing.TB, name string, replacements ...string) string {
	t.Helper()
	example := filepath.Join("../examples/corefiles", name)
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(replacements); i += 2 {
		if !strings.Contains(string(text), replacements[i]) {
			t.Fatalf("%s does not have %q, which the test replaces", example, replacements[i])
		}
	}
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(path, []byte(strings.NewReplacer(replacements...).Replace(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
