package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// raceEnv is the variable that has zonegen and coredns built with the race detector if it is not empty; a race that
// it finds fails the test whose process had it.
const raceEnv = "ZONEGEN_E2E_RACE"

var (
	buildZonegen = sync.OnceValues(func() (string, error) { return goBuild("..", "./cmd/zonegen") })
	buildCoredns = sync.OnceValues(func() (string, error) { return goBuild("..", "./cmd/coredns") })
)

// zonegen returns the path of a zonegen built from this repository, once per test run.
func zonegen(t testing.TB) string { return built(t, buildZonegen) }

// coredns returns the path of a CoreDNS with our plugin built from this repository, once per test run.
func coredns(t testing.TB) string { return built(t, buildCoredns) }

// What is stamped into the programs for the container image.
const (
	distVersion  = "v0.0.0-e2e"
	distRevision = "0123456789abcdef"
)

// makeDist runs a target of a Makefile that builds the programs for the container image.
func makeDist(dir, target string, args ...string) (string, error) {
	all := append([]string{"-C", dir, target, "ARCHES=" + runtime.GOARCH, "VERSION=" + distVersion, "REVISION=" + distRevision}, args...)
	out, err := exec.Command("make", all...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("make %q: %w\n%s", all, err, out)
	}
	return string(out), nil
}

// buildDist builds the programs as they are in the container image.
var buildDist = sync.OnceValues(func() (string, error) {
	if _, err := makeDist("..", "dist"); err != nil {
		return "", err
	}
	return filepath.Abs("../dist/linux/" + runtime.GOARCH)
})

// dist returns a folder with zonegen and coredns as they are in the container image, built once per test run.
func dist(t testing.TB) string { return built(t, buildDist) }

func built(t testing.TB, build func() (string, error)) string {
	t.Helper()
	path, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// goBuild builds a command of the module in dir, with these flags of go build besides.
func goBuild(dir, pkg string, flags ...string) (string, error) {
	tmp, err := os.MkdirTemp("", "zonegen-e2e-bin-")
	if err != nil {
		return "", err
	}
	atEnd(func() { _ = os.RemoveAll(tmp) })
	binary := filepath.Join(tmp, path.Base(pkg))
	args := append([]string{"build", "-C", dir, "-o", binary}, flags...)
	if os.Getenv(raceEnv) != "" {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, pkg)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %q: %w\n%s", args, err, out)
	}
	return binary, nil
}
