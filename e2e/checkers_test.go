package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckZone(t *testing.T) {
	const apex = "$TTL 5\n@ IN SOA ns.dns hostmaster 1 2 3 4 5\n@ IN NS ns.dns\nns.dns IN A 10.0.0.1\n"
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("chunk", "db.shop.svc IN A 10.0.0.2\n")
	check := func(path string) string {
		return failures(t, func(t testing.TB) { checkZone(t, "clusterset.local", path) })
	}
	if got := check(write("good", apex+"$INCLUDE chunk\n")); got != "" {
		t.Errorf("a good zone: %s", got)
	}
	got := check(write("bad", apex+"db.shop.svc IN A 10.0.0.256\n"))
	for _, checker := range []string{"named-checkzone", "nsd-checkzone", "kzonecheck"} {
		if !strings.Contains(got, checker+" on "+filepath.Join(dir, "bad")) {
			t.Errorf("%s does not find the wrong address; what was found: %s", checker, got)
		}
	}
	got = failures(t, func(t testing.TB) { tool(t, "no-such-checker", "some-package") })
	if want := "no-such-checker is missing: apt-get install some-package"; got != want {
		t.Errorf("a missing tool fails with %q, want %q", got, want)
	}
}
