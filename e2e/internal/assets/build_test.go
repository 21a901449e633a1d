package assets

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyFollowsPins(t *testing.T) {
	const mod = "module example.org/pins\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v1.36.3\n"
	key := func(mod, sum string) string {
		dir := t.TempDir()
		for name, text := range map[string]string{"go.mod": mod, "go.sum": sum} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		b, err := newBuild(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return b.key
	}
	first := key(mod, "sum")
	if again := key(mod, "sum"); again != first {
		t.Errorf("the same pins gave %s and %s", first, again)
	}
	if changed := key(strings.ReplaceAll(mod, "1.36.3", "1.36.2"), "sum"); changed == first {
		t.Error("another version gave the same key")
	}
	if changed := key(mod, "mus"); changed == first {
		t.Error("another go.sum gave the same key")
	}
}

func TestKubernetesVersion(t *testing.T) {
	flags, err := kubernetesVersion([]byte("module m\n\nrequire k8s.io/kubernetes v1.36.3\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"-X k8s.io/component-base/version.gitVersion=v1.36.3 ",
		"-X k8s.io/component-base/version.gitMajor=1 ",
		"-X k8s.io/component-base/version.gitMinor=36 ",
		"-X k8s.io/client-go/pkg/version.gitVersion=v1.36.3 ",
	} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q lacks %q", flags, want)
		}
	}
	if _, err := kubernetesVersion([]byte("module m\n")); err == nil {
		t.Error("no error without a Kubernetes version")
	}
}

func TestDirTakesWhatIsSet(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(EnvDir, dir)
	if _, err := Dir(t.Context(), t.Output()); err == nil || !strings.Contains(err.Error(), EnvDir) {
		t.Errorf("an empty folder: got %v, want an error that names %s", err, EnvDir)
	}
	if err := fill(dir); err != nil {
		t.Fatal(err)
	}
	got, err := Dir(t.Context(), t.Output())
	if err != nil || got != dir {
		t.Errorf("got %q, %v, want %q", got, err, dir)
	}
}
