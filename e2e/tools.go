package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// tool returns the path of an installed program, and fails the test if it is not there. The package is Debian's.
func tool(t testing.TB, name, pkg string) string {
	t.Helper()
	for _, candidate := range []string{name, filepath.Join("/usr/sbin", name)} { // not in everybody's PATH
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Fatalf("%s is missing: apt-get install %s", name, pkg)
	return ""
}
