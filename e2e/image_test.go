package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// buildah runs buildah with a store for images of the test's own.
func buildah(t testing.TB, store []string, args ...string) string {
	t.Helper()
	out, err := exec.Command(store[0], slices.Concat(store[1:], args)...).Output()
	if err != nil {
		stderr := ""
		if exit, ok := err.(*exec.ExitError); ok {
			stderr = string(exit.Stderr)
		}
		t.Fatalf("buildah %q: %v\n%s%s", args, err, out, stderr)
	}
	return strings.TrimSpace(string(out))
}

// imageStore is buildah with a store for images that goes with the test.
func imageStore(t testing.TB) []string {
	t.Helper()
	dir := t.TempDir()
	return []string{tool(t, "buildah", "buildah"), "--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs"}
}

// TestImage builds the container image, twice, and runs what is in it.
func TestImage(t *testing.T) {
	store := imageStore(t)
	const image = "localhost/zonegen:test"
	build := func() string {
		t.Helper()
		out, err := makeDist("..", "image", "IMAGE="+image, "BUILDAH="+strings.Join(store, " "))
		if err != nil {
			t.Fatal(err)
		}
		id := regexp.MustCompile(`(?m)^[0-9a-f]{64}$`).FindString(out) // of the image, after its layers
		if id == "" {
			t.Fatalf("make image does not tell what it has built:\n%s", out)
		}
		return id
	}
	first, second := build(), build()
	if first != second {
		t.Errorf("the same source gives the image %s, and then %s", first, second)
	}

	dir := filepath.Join(t.TempDir(), "image")
	buildah(t, store, "push", "--quiet", first, "dir:"+dir)
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	var config struct {
		Architecture string
		Config       struct {
			User       string
			Entrypoint []string
		}
	}
	blob := func(digest string) string { return filepath.Join(dir, strings.TrimPrefix(digest, "sha256:")) }
	unmarshalFile(t, filepath.Join(dir, "manifest.json"), &manifest)
	unmarshalFile(t, blob(manifest.Config.Digest), &config)
	if c := config.Config; c.User != "65532:65532" || !slices.Equal(c.Entrypoint, []string{"/zonegen"}) || config.Architecture != runtime.GOARCH {
		t.Errorf("the image is %+v", config)
	}
	if len(manifest.Layers) != 1 {
		t.Fatalf("the image has %d layers", len(manifest.Layers))
	}
	root := t.TempDir()
	if files := unpack(t, blob(manifest.Layers[0].Digest), root); !slices.Equal(files, []string{"-rw-r--r-- LICENSES.txt", "-rwxr-xr-x coredns", "-rwxr-xr-x zonegen"}) {
		t.Errorf("the image has %q", files)
	}
	if text := readFile(t, filepath.Join(root, "LICENSES.txt")); !strings.Contains(text, "==== Go/LICENSE\n") || !strings.Contains(text, "==== github.com/miekg/dns/LICENSE\n") {
		t.Error("licences are missing in LICENSES.txt")
	}
	for _, name := range []string{"coredns", "zonegen"} {
		checkHardened(t, filepath.Join(root, name), elfMachine(runtime.GOARCH))
	}
	for command, want := range map[string]string{
		"zonegen version":  distVersion,
		"coredns -version": fmt.Sprintf("linux/%s, %s, %s", runtime.GOARCH, runtime.Version(), distVersion),
		"coredns -plugins": "\nmulticluster\n",
	} {
		args := strings.Fields(command)
		out, err := exec.Command(filepath.Join(root, args[0]), args[1:]...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
}

func unmarshalFile(t testing.TB, path string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(readFile(t, path)), into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// unpack unpacks the files of a layer and returns their modes and names.
func unpack(t testing.TB, layer, into string) []string {
	t.Helper()
	f, err := os.Open(layer)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for archive := tar.NewReader(zipped); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return slices.Sorted(slices.Values(files))
		}
		if err != nil {
			t.Fatal(err)
		}
		mode := header.FileInfo().Mode()
		files = append(files, mode.String()+" "+header.Name)
		to, err := os.OpenFile(filepath.Join(into, filepath.Base(header.Name)), os.O_CREATE|os.O_WRONLY, mode.Perm())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(to, archive)
		if err := errors.Join(err, to.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOtherArchitecture builds zonegen for an architecture that is not this machine's. CoreDNS would take as long again.
func TestOtherArchitecture(t *testing.T) {
	arch := "arm64"
	if runtime.GOARCH == arch {
		arch = "amd64"
	}
	program := "dist/linux/" + arch + "/zonegen"
	if _, err := makeDist("..", program); err != nil {
		t.Fatal(err)
	}
	checkHardened(t, filepath.Join("..", program), elfMachine(arch))
}

func elfMachine(arch string) elf.Machine {
	return map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch]
}

// checkHardened: a program is for that machine, needs neither loader nor library, has no memory that can be both written
// and executed, and does not say in which folder it was built.
func checkHardened(t testing.TB, program string, machine elf.Machine) {
	t.Helper()
	file, err := elf.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if libraries, err := file.ImportedLibraries(); err != nil || len(libraries) > 0 || file.Machine != machine {
		t.Errorf("%s is for %s, and needs %q, %v", program, file.Machine, libraries, err)
	}
	stack := false
	for _, segment := range file.Progs {
		switch segment.Type {
		case elf.PT_INTERP:
			t.Errorf("%s needs a loader", program)
		case elf.PT_GNU_STACK:
			stack = true
			fallthrough
		case elf.PT_LOAD:
			if segment.Flags&elf.PF_W != 0 && segment.Flags&elf.PF_X != 0 {
				t.Errorf("%s has a %s that can be written and executed", program, segment.Type)
			}
		}
	}
	if !stack {
		t.Errorf("%s leaves it to the system whether its stack can be executed", program)
	}
	folder, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	if text := readFile(t, program); strings.Contains(text, folder+"/") {
		t.Errorf("%s says where it was built", program)
	}
}

// TestReproducible: the programs of the image are the same if somebody else builds them, somewhere else, from an archive
// of the source.
func TestReproducible(t *testing.T) {
	copied := t.TempDir()
	files, err := exec.Command("git", "-C", "..", "ls-files", "-z").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(files), "\x00"), "\x00") {
		info, err := os.Stat(filepath.Join("..", name))
		if err != nil || info.IsDir() {
			continue // deleted and not yet committed
		}
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(copied, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := makeDist(copied, "dist"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zonegen", "coredns"} {
		ours, err := os.ReadFile(filepath.Join(dist(t), name))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := os.ReadFile(filepath.Join(copied, "dist/linux", runtime.GOARCH, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			t.Errorf("%s differs", name)
		}
	}
}
