package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReliabilityNames: the tests that docs/reliability.md names are there, in the files that it names.
func TestReliabilityNames(t *testing.T) {
	page := readFile(t, "../docs/reliability.md")
	for _, path := range regexp.MustCompile(`[\w/]+\.go\b`).FindAllString(page, -1) {
		if _, err := os.Stat(filepath.Join("..", path)); err != nil {
			t.Error(err)
		}
	}
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "../*/*_test.go", "../*/*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files match %s: %v", pattern, err)
		}
		for _, file := range files {
			tests.WriteString(readFile(t, file))
		}
	}
	names := regexp.MustCompile(`\b(Test|Fuzz|Benchmark)[A-Z]\w*`).FindAllString(page, -1)
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
	if len(names) < 10 {
		t.Errorf("the page names only %d tests", len(names))
	}
}
