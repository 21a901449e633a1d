package assets

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// build is one way to build the control plane; equal keys mean equal binaries.
type build struct {
	module string // folder of the pinning module
	flags  []string
	key    string
}

// moduleDir finds the pinning module beside the go.mod of the working directory.
func moduleDir(ctx context.Context) (string, error) {
	out, err := command(ctx, "", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	dir := filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "controlplane")
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return "", fmt.Errorf("run this in the e2e module: %w", err)
	}
	return dir, nil
}

func newBuild(ctx context.Context, module string) (*build, error) {
	mod, err := os.ReadFile(filepath.Join(module, "go.mod"))
	if err != nil {
		return nil, err
	}
	sum, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return nil, err
	}
	ldflags, err := kubernetesVersion(mod)
	if err != nil {
		return nil, err
	}
	toolchain, err := command(ctx, module, "env", "GOVERSION", "GOOS", "GOARCH").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	flags := []string{
		"-trimpath",
		"-tags=selinux,notest,grpcnotrace", // as Kubernetes' own build (hack/lib/golang.sh)
		"-ldflags=-s -w " + ldflags,
	}
	hash := sha256.New()
	for _, part := range [][]byte{mod, sum, toolchain, []byte(strings.Join(flags, "\n"))} {
		fmt.Fprintf(hash, "%d\n%s", len(part), part)
	}
	return &build{module: module, flags: flags, key: hex.EncodeToString(hash.Sum(nil))[:16]}, nil
}

// kubernetesVersion returns the linker flags that make the binaries report the pinned version: without them they
// say v0.0.0-master. The commit is not known to the module proxy.
func kubernetesVersion(gomod []byte) (string, error) {
	file, err := modfile.ParseLax("go.mod", gomod, nil)
	if err != nil {
		return "", err
	}
	for _, require := range file.Require {
		if require.Mod.Path != "k8s.io/kubernetes" {
			continue
		}
		version := require.Mod.Version
		major, minor, _ := strings.Cut(strings.TrimPrefix(semver.MajorMinor(version), "v"), ".")
		var flags []string
		for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
			for _, set := range []string{
				"gitVersion=" + version, "gitMajor=" + major, "gitMinor=" + minor,
				"gitCommit=unknown", "gitTreeState=archive",
			} {
				flags = append(flags, "-X "+pkg+"."+set)
			}
		}
		return strings.Join(flags, " "), nil
	}
	return "", fmt.Errorf("go.mod does not require k8s.io/kubernetes")
}

// run builds the tools of the pinning module into dir.
func (b *build) run(ctx context.Context, dir string, log io.Writer) error {
	p := newProgress(log)
	defer p.every(interval)()
	p.printf("building kube-apiserver, kubectl and etcd into %s (once; 6 minutes on two cores)", filepath.Dir(dir))

	list := command(ctx, b.module, "list", "-deps", "tool")
	list.Stderr = p
	packages, err := list.Output()
	if err != nil {
		return p.failed("go list", err)
	}
	p.setTotal(bytes.Count(packages, []byte("\n")))

	args := append([]string{"build", "-v", "-o", dir + string(filepath.Separator)}, b.flags...)
	compile := command(ctx, b.module, append(args, "tool")...)
	compile.Stdout = p
	compile.Stderr = p
	if err := compile.Run(); err != nil {
		return p.failed("go build", err)
	}
	p.printf("built in %s", p.elapsed())
	// go build names a binary after the last element of its package that is not a version: go.etcd.io/etcd/server/v3.
	return os.Rename(filepath.Join(dir, "server"), filepath.Join(dir, "etcd"))
}

// command runs the go command in dir, shielded from settings of the user that would change what it builds.
func command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-mod=readonly -buildvcs=false")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // lets it stop its compilers
	cmd.WaitDelay = 10 * time.Second                                      // then it is killed
	return cmd
}
