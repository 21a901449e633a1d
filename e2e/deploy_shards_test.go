package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDeployShards makes the component for more ConfigMaps as deploy/README.md says: the Role, the volume and zonegen then
// agree on all of them.
func TestDeployShards(t *testing.T) {
	block := regexp.MustCompile("(?ms)^```bash\n(mkdir -p shards\n.*?)^```$").FindStringSubmatch(readFile(t, "../deploy/README.md"))
	if block == nil {
		t.Fatal("the README has no such block")
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS("../deploy")); err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay")
	if err := os.Mkdir(overlay, 0o700); err != nil {
		t.Fatal(err)
	}
	kustomization := "resources: [../deploy/configmap]\ncomponents: [../shards]\n"
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", block[1])
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	built := sharedAPI(t).kubectl(t, "kustomize", overlay)
	if n := strings.Count(built, "        - --configmap-shards=64\n"); n != 1 {
		t.Errorf("the flag is there %d times", n)
	}
	for i := range 65 {
		for of, want := range map[string]int{
			"  - clusterset-zones-%d\n": 2, // to write it, and to delete it
			"              name: clusterset-zones-%d\n              optional: true\n": 1,
		} {
			if i == 64 {
				want = 0
			}
			if n := strings.Count(built, fmt.Sprintf(of, i)); n != want {
				t.Errorf("%q is there %d times, want %d", fmt.Sprintf(of, i), n, want)
			}
		}
	}
}
