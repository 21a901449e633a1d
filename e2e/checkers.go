package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// checkZone has the checkers of BIND, NSD and Knot read a zone file, and fails the test with what they say against
// it. They run in the file's folder, where BIND and NSD look for a relative $INCLUDE.
func checkZone(t testing.TB, origin, file string) {
	t.Helper()
	dir, name := filepath.Split(file)
	for _, checker := range [][]string{
		{tool(t, "named-checkzone", "bind9-utils"), "-i", "local", origin, name}, // local: asks no other server
		{tool(t, "nsd-checkzone", "nsd"), origin, name},
		{tool(t, "kzonecheck", "knot-dnssecutils"), "-o", origin, name},
	} {
		cmd := exec.Command(checker[0], checker[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s on %s: %v\n%s", filepath.Base(checker[0]), file, err, out)
		}
	}
}
