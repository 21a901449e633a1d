package e2e

import (
	"fmt"
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
	overlay := newOverlay(t, "resources: [../deploy/configmap]\ncomponents: [../shards]\n")
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", block[1])
	cmd.Dir = filepath.Dir(overlay)
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
