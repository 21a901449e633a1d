package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

func namespaceYAML(name string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n", name)
}

func importYAML(name, ip string) string {
	return fmt.Sprintf("apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceImport\nmetadata: {name: %s, namespace: ns}\nspec: {type: ClusterSetIP, ips: [%s], ports: []}\n", name, ip)
}

func writeFile(t *testing.T, path string, docs ...string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(docs, "---\n")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replaceFile writes a file as editors do: under another name, and renamed.
func replaceFile(t *testing.T, path string, docs ...string) {
	t.Helper()
	writeFile(t, path+".new", docs...)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// running is a source of manifests that is running.
type running struct {
	*Manifests
	t    *testing.T
	logs *logs
	err  chan error // of Run
}

// run starts a source of manifests. It polls seldom enough that only
// notifications can let a test pass, unless the pace is changed.
func run(t *testing.T, o ManifestOptions, change ...func(*Manifests)) *running {
	t.Helper()
	r := &running{t: t, logs: &logs{}, err: make(chan error, 1)}
	o.Logger = r.logs.logger(slog.LevelInfo)
	m, err := NewManifests(o)
	if err != nil {
		t.Fatal(err)
	}
	m.pace.poll = time.Hour
	for _, f := range change {
		f(m)
	}
	r.Manifests = m
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.err <- m.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r
}

// want waits for the next changes.
func (r *running) want(want string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := r.Next(ctx)
	if err != nil {
		r.t.Fatalf("waiting for %q: %v\n%s", want, err, r.logs)
	}
	wantChanges(r.t, c, want)
}

// wantLog waits until the log holds a text.
func (r *running) wantLog(want string) {
	r.t.Helper()
	r.wantLogs(want, 1)
}

// What the log says of a path that is not there, and when it is there again.
const (
	lost  = "msg=\"path of manifests cannot be read, what was found last stays\" path="
	found = "msg=\"path of manifests can be read again\" path="
)

// wantLogs waits until the log holds a text that many times.
func (r *running) wantLogs(want string, times int) {
	r.t.Helper()
	deadline := time.After(patience)
	for tick := time.NewTicker(5 * time.Millisecond); strings.Count(r.logs.String(), want) < times; {
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("the log has not %d times %q:\n%s", times, want, r.logs)
		}
	}
}

func TestManifestsFollowFile(t *testing.T) {
	for name, write := range map[string]func(*testing.T, string, ...string){"written in place": writeFile, "replaced": replaceFile} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.yaml")
			writeFile(t, path, importYAML("a", "10.0.0.1"), importYAML("b", "10.0.0.2"))
			r := run(t, ManifestOptions{Paths: []string{path}})
			r.want("+a[10.0.0.1] +b[10.0.0.2] +ns:ns")
			if w := r.Waiting(); len(w) > 0 {
				t.Errorf("waiting for %q", w)
			}
			write(t, path, importYAML("a", "10.0.0.1"), importYAML("b", "10.0.0.3"))
			r.want("+b[10.0.0.3]")
			write(t, path, importYAML("b", "10.0.0.3"), importYAML("c", "10.0.0.4"))
			r.want("+c[10.0.0.4] -a")
			remove(t, path)
			r.wantLog(lost + path + " error=\"stat " + path + ": no such file or directory\"")
			write(t, path, importYAML("c", "10.0.0.4"), importYAML("d", "10.0.0.5"))
			r.want("+d[10.0.0.5] -b")
			r.wantLog(found + path + "\n")
		})
	}
}

// Import and slices in one file are one change.
func TestManifestsChangeAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	writeFile(t, path)
	r := run(t, ManifestOptions{Paths: []string{path}})
	r.want("")
	var docs []string
	for i := range 50 {
		docs = append(docs, importYAML(fmt.Sprintf("s%02d", i), "10.0.0.1"))
	}
	replaceFile(t, path, docs...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if c, err := r.Next(ctx); err != nil || len(c.Services) != 50 {
		t.Errorf("%d services, %v", len(c.Services), err)
	}
}

func TestManifestsFollowFolder(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	writeFile(t, in("b.yaml"), importYAML("b", "10.0.0.2"))
	writeFile(t, in("c.json"), `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"c"}}`)
	writeFile(t, in(".hidden.yaml"), "not: [valid")
	writeFile(t, in("notes.txt"), "not: [valid")
	r := run(t, ManifestOptions{Paths: []string{dir}})
	r.want("+b[10.0.0.2] +ns:c +ns:ns")
	replaceFile(t, in("a.yml"), importYAML("a", "10.0.0.1"))
	r.want("+a[10.0.0.1]")
	remove(t, in("b.yaml"))
	r.want("-b")
	if err := os.Rename(in("a.yml"), in("a.bak")); err != nil {
		t.Fatal(err)
	}
	r.want("-a -ns:ns")
	r.wantLog("manifest is gone, and its objects with it\" file=" + in("a.yml"))
}

// A folder that is lost is no folder without files: its mount may be back soon.
// Moved, since deleting it begins with its files.
func TestManifestsFolderLost(t *testing.T) {
	for _, recursive := range []bool{false, true} {
		t.Run(map[bool]string{false: "flat", true: "recursive"}[recursive], func(t *testing.T) {
			base := t.TempDir()
			dir, other := filepath.Join(base, "m"), filepath.Join(base, "other.yaml")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, "a.yaml"), importYAML("a", "10.0.0.1"))
			writeFile(t, other, namespaceYAML("x"))
			r := run(t, ManifestOptions{Paths: []string{dir, other}, Recursive: recursive})
			r.want("+a[10.0.0.1] +ns:ns +ns:x")
			for i := range 2 {
				if err := os.Rename(dir, dir+"-away"); err != nil {
					t.Fatal(err)
				}
				r.wantLogs(lost+dir+" ", i+1)
				// The rest goes on, and what was lost is not told of again.
				replaceFile(t, other, namespaceYAML(fmt.Sprintf("y%d", i)))
				r.want(fmt.Sprintf("+ns:y%d -ns:%s", i, []string{"x", "y0"}[i]))
				if n := strings.Count(r.logs.String(), lost); n != i+1 {
					t.Errorf("%d times in the log:\n%s", n, r.logs)
				}
				if err := os.Rename(dir+"-away", dir); err != nil {
					t.Fatal(err)
				}
				r.wantLogs(found+dir+"\n", i+1)
			}
			remove(t, filepath.Join(dir, "a.yaml"))
			r.want("-a -ns:ns")
			if err := os.Rename(dir, dir+"-away"); err != nil {
				t.Fatal(err)
			}
			r.wantLogs(lost+dir+" ", 3)
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(dir, "b.yaml"), namespaceYAML("again"))
			r.want("+ns:again")
			replaceFile(t, filepath.Join(dir, "b.yaml"), namespaceYAML("still"))
			r.want("+ns:still -ns:again")
		})
	}
}

// A file that goes between finding and reading it: deleted, or lost with its path.
func TestIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	name := filepath.Join(dir, "a.yaml")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, gone := range map[string]bool{dir: true, name: false, dir + "/none": false} {
		if got := isGone(path, name); got != gone {
			t.Errorf("%s of %s: gone is %v", name, path, got)
		}
	}
}

func TestManifestsFoldersInside(t *testing.T) {
	dir := t.TempDir()
	inside := filepath.Join(dir, "x", "deep")
	for _, path := range []string{inside, filepath.Join(dir, ".git")} {
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(path, "a.yaml"), namespaceYAML(strings.TrimPrefix(filepath.Base(path), ".")))
	}
	run(t, ManifestOptions{Paths: []string{dir}}).want("")
	r := run(t, ManifestOptions{Paths: []string{dir}, Recursive: true})
	r.want("+ns:deep")
	replaceFile(t, filepath.Join(inside, "a.yaml"), namespaceYAML("deeper"))
	r.want("+ns:deeper -ns:deep")
	staged := filepath.Join(t.TempDir(), "new")
	if err := os.Mkdir(staged, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(staged, "b.yaml"), namespaceYAML("new"))
	if err := os.Rename(staged, filepath.Join(dir, "x", "new")); err != nil {
		t.Fatal(err)
	}
	r.want("+ns:new")
	replaceFile(t, filepath.Join(dir, "x", "new", "b.yaml"), namespaceYAML("newer"))
	r.want("+ns:newer -ns:new")
}

// A folder is told by what it is: names of folders may have dots.
func TestManifestsFolderWithDot(t *testing.T) {
	dir, staged := t.TempDir(), t.TempDir()
	r := run(t, ManifestOptions{Paths: []string{dir}, Recursive: true})
	r.want("")
	for _, name := range []string{".hidden", "v1.2"} {
		folder := filepath.Join(staged, name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(folder, "a.yaml"), namespaceYAML("in"+strings.ReplaceAll(name, ".", "-")))
		if err := os.Rename(folder, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	r.want("+ns:inv1-2")
	replaceFile(t, filepath.Join(dir, "v1.2", "a.yaml"), namespaceYAML("again"))
	r.want("+ns:again -ns:inv1-2")
	if err := os.Rename(filepath.Join(dir, "v1.2"), filepath.Join(staged, "v1.2")); err != nil {
		t.Fatal(err)
	}
	r.want("-ns:again")
}

// A folder that another one takes the place of.
func TestManifestsFolderReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "current")
	fill := func(path, namespace string) {
		t.Helper()
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(path, "a.yaml"), namespaceYAML(namespace))
	}
	fill(dir, "one")
	fill(dir+"-next", "two")
	r := run(t, ManifestOptions{Paths: []string{dir}})
	r.want("+ns:one")
	if err := errors.Join(os.Rename(dir, dir+"-old"), os.Rename(dir+"-next", dir)); err != nil {
		t.Fatal(err)
	}
	r.want("+ns:two -ns:one")
	replaceFile(t, filepath.Join(dir, "a.yaml"), namespaceYAML("three"))
	r.want("+ns:three -ns:two")
}

// A folder that is a link, which is replaced.
func TestManifestsFolderLink(t *testing.T) {
	base := t.TempDir()
	link := filepath.Join(base, "current")
	point := func(to string) {
		t.Helper()
		if err := errors.Join(os.Symlink(to, link+".new"), os.Rename(link+".new", link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(base, name, "a.yaml"), namespaceYAML(name))
	}
	point("one")
	r := run(t, ManifestOptions{Paths: []string{link}})
	r.want("+ns:one")
	point("two")
	r.want("+ns:two -ns:one")
	replaceFile(t, filepath.Join(base, "two", "a.yaml"), namespaceYAML("three"))
	r.want("+ns:three -ns:two")
}

// A mounted ConfigMap: the files are links into ..data, which is a link that
// is replaced.
func TestManifestsConfigMap(t *testing.T) {
	for name, pathOf := range map[string]func(string) string{
		"folder": func(dir string) string { return dir },
		"file":   func(dir string) string { return filepath.Join(dir, "a.yaml") },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			swap := func(version, ip string) {
				t.Helper()
				data := filepath.Join(dir, "..2026_"+version)
				link := filepath.Join(dir, "..data_tmp")
				if err := errors.Join(os.Mkdir(data, 0o700), os.Symlink(filepath.Base(data), link)); err != nil {
					t.Fatal(err)
				}
				writeFile(t, filepath.Join(data, "a.yaml"), importYAML("a", ip))
				if err := os.Rename(link, filepath.Join(dir, "..data")); err != nil {
					t.Fatal(err)
				}
			}
			swap("1", "10.0.0.1")
			if err := os.Symlink(filepath.Join("..data", "a.yaml"), filepath.Join(dir, "a.yaml")); err != nil {
				t.Fatal(err)
			}
			r := run(t, ManifestOptions{Paths: []string{pathOf(dir)}})
			r.want("+a[10.0.0.1] +ns:ns")
			swap("2", "10.0.0.2")
			remove(t, filepath.Join(dir, "..2026_1"))
			r.want("+a[10.0.0.2]")
			swap("3", "10.0.0.3")
			remove(t, filepath.Join(dir, "..2026_2"))
			r.want("+a[10.0.0.3]")
		})
	}
}

// A link to a file elsewhere is followed to where the file is.
func TestManifestsLink(t *testing.T) {
	target := filepath.Join(t.TempDir(), "real.txt")
	link := filepath.Join(t.TempDir(), "a.yaml")
	writeFile(t, target, namespaceYAML("x"))
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	r := run(t, ManifestOptions{Paths: []string{link}})
	r.want("+ns:x")
	replaceFile(t, target, namespaceYAML("z"))
	r.want("+ns:z -ns:x")
}

// A file that no longer parses keeps its last good content; the rest goes on.
func TestManifestsBrokenLater(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	writeFile(t, a, importYAML("a", "10.0.0.1"))
	writeFile(t, b, importYAML("b", "10.0.0.1"))
	r := run(t, ManifestOptions{Paths: []string{dir}})
	r.want("+a[10.0.0.1] +b[10.0.0.1] +ns:ns")
	replaceFile(t, a, importYAML("a", "10.0.0.2"), "kind: [broken\n")
	r.wantLog(`msg="manifest is refused, its last good content stays"`)
	r.wantLog(fmt.Sprintf("error=\"%s: document 2, line 6: did not find expected", a))
	replaceFile(t, b, importYAML("b", "10.0.0.2"))
	r.want("+b[10.0.0.2]")
	replaceFile(t, b, importYAML("b", "10.0.0.3"))
	r.want("+b[10.0.0.3]")
	if n := strings.Count(r.logs.String(), "manifest is refused"); n != 1 {
		t.Errorf("the log repeats itself %d times:\n%s", n, r.logs)
	}
	replaceFile(t, a, importYAML("a", "10.0.0.3"))
	r.want("+a[10.0.0.3]")
	r.wantLog("manifest is accepted again")
	replaceFile(t, filepath.Join(dir, "c.yaml"), "\x00")
	r.wantLog("line 1: neither YAML nor JSON: there is a NUL byte")
}

// Back to the content that was good before it broke: accepted, but no change.
func TestManifestsBrokenAndMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	writeFile(t, path, importYAML("a", "10.0.0.1"))
	r := run(t, ManifestOptions{Paths: []string{path}})
	r.want("+a[10.0.0.1] +ns:ns")
	replaceFile(t, path, "- broken\n")
	r.wantLog("manifest is refused")
	replaceFile(t, path, importYAML("a", "10.0.0.1"))
	r.wantLog("manifest is accepted again")
	replaceFile(t, path, importYAML("a", "10.0.0.2"))
	r.want("+a[10.0.0.2]")
}

// Broken files at the start are the end, all of them named.
func TestManifestsBrokenAtStart(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.yaml"), importYAML("a", "10.0.0.1"))
	writeFile(t, filepath.Join(dir, "b.yaml"), importYAML("a", "10.0.0.1"), "a: b: c\n")
	writeFile(t, filepath.Join(dir, "c.json"), "\n{]")
	r := run(t, ManifestOptions{Paths: []string{dir}})
	select {
	case err := <-r.err:
		r.err <- err
		for _, want := range []string{
			filepath.Join(dir, "b.yaml") + ": document 2, line 6: mapping values",
			filepath.Join(dir, "c.json") + ": document 1, line 2: invalid character ']'",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	case <-time.After(patience):
		t.Fatal("Run goes on")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if c, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Next returns %v, %v", c, err)
	}
	if len(r.Waiting()) != 1 {
		t.Errorf("waiting for %q", r.Waiting())
	}
}

func TestManifestsStdin(t *testing.T) {
	r := run(t, ManifestOptions{Paths: []string{"-"}, Stdin: strings.NewReader(importYAML("a", "10.0.0.1"))}, func(m *Manifests) {
		m.pace.poll = time.Millisecond // reading it again would find nothing
	})
	r.want("+a[10.0.0.1] +ns:ns")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if c, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("then %v, %v", c, err)
	}
}

func TestManifestsStdinBroken(t *testing.T) {
	r := run(t, ManifestOptions{Paths: []string{"-"}, Stdin: strings.NewReader("a: b: c")})
	err := <-r.err
	r.err <- err
	if err == nil || !strings.HasPrefix(err.Error(), "standard input: document 1") {
		t.Errorf("got %v", err)
	}
}

// Standard input that never ends does not keep Run from ending.
func TestManifestsStdinOpen(t *testing.T) {
	reader, writer := io.Pipe()
	defer writer.Close()
	m, err := NewManifests(ManifestOptions{Paths: []string{"-"}, Stdin: reader, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestManifestsPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	r := run(t, ManifestOptions{Paths: []string{path}}, func(m *Manifests) { m.pace.poll = time.Millisecond })
	writeFile(t, path, namespaceYAML("x"))
	r.want("+ns:x")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if c, err := r.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("then %v, %v", c, err)
	}
}

// The last file counts, in the order of the paths.
func TestManifestsSameObjectTwice(t *testing.T) {
	dir := t.TempDir()
	first, last := filepath.Join(dir, "z.yaml"), filepath.Join(dir, "a.yaml")
	writeFile(t, first, importYAML("a", "10.0.0.1"))
	writeFile(t, last, importYAML("a", "10.0.0.2"), sliceYAML, sliceYAML)
	r := run(t, ManifestOptions{Paths: []string{first, last, first}})
	r.want("+a[10.0.0.2] +ns:default +ns:ns")
	r.wantLog(fmt.Sprintf("kind=ServiceImport namespace=ns name=a overruled=%s file=%s\n", first, last))
	r.wantLog(fmt.Sprintf("kind=EndpointSlice namespace=default name=db-east overruled=%s file=%s\n", last, last))
	replaceFile(t, last)
	r.want("+a[10.0.0.1] -ns:default")
}

// Of a folder with folders, the order is that of the whole names.
func TestManifestsSameObjectInFolders(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "a", "x.yaml"), importYAML("a", "10.0.0.1"))
	writeFile(t, filepath.Join(dir, "b.yaml"), importYAML("a", "10.0.0.2"))
	run(t, ManifestOptions{Paths: []string{dir}, Recursive: true}).want("+a[10.0.0.2] +ns:ns")
}

// What sends no notification is seen by polling.
func TestManifestsPoll(t *testing.T) {
	dir := t.TempDir()
	far, link := filepath.Join(dir, "far"), filepath.Join(dir, "far", "link")
	if err := os.Mkdir(far, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1", "2"} {
		folder := filepath.Join(dir, version)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(folder, "a.yaml"), namespaceYAML("v"+version))
	}
	if err := os.Symlink(filepath.Join(dir, "1"), link); err != nil {
		t.Fatal(err)
	}
	r := run(t, ManifestOptions{Paths: []string{filepath.Join(link, "a.yaml")}}, func(m *Manifests) { m.pace.poll = 10 * time.Millisecond })
	r.want("+ns:v1")
	if err := errors.Join(os.Remove(link), os.Symlink(filepath.Join(dir, "2"), link)); err != nil {
		t.Fatal(err)
	}
	// Between the two there may have been no file at all.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for seen := false; !seen; {
		c, err := r.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		seen = len(c.Namespaces) == 1 && c.Namespaces[0] == "v2"
	}
}

func TestManifestsTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	writeFile(t, path)
	if err := os.Truncate(path, maxManifest+1); err != nil {
		t.Fatal(err)
	}
	r := run(t, ManifestOptions{Paths: []string{path}})
	err := <-r.err
	r.err <- err
	if err == nil || !strings.Contains(err.Error(), path+" is larger than 64 MiB: split it") {
		t.Errorf("got %v", err)
	}
}

// A file is read again only when its content is another.
func TestManifestsIgnoredAreCounted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.yaml")
	writeFile(t, path, "apiVersion: v1\nkind: Pod\n", "apiVersion: v1\nkind: Service\n", importYAML("a", "10.0.0.1"))
	r := run(t, ManifestOptions{Paths: []string{filepath.Dir(path)}})
	r.want("+a[10.0.0.1] +ns:ns")
	replaceFile(t, filepath.Join(filepath.Dir(path), "b.yaml"), namespaceYAML("x"))
	r.want("+ns:x")
	if n := strings.Count(r.logs.String(), "msg=\"manifest read\" file="+path+" serviceImports=1 endpointSlices=0 ignored=2"); n != 1 {
		t.Errorf("%d times in the log:\n%s", n, r.logs)
	}
}

func TestNewManifestsErrors(t *testing.T) {
	for want, o := range map[string]ManifestOptions{
		"-f: no file, folder or - is given":                 {},
		"-f: stat /no/such/file: no such file or directory": {Paths: []string{"-", "/no/such/file"}},
		"--min-interval: -1s is negative":                   {Paths: []string{"-"}, MinInterval: -time.Second},
	} {
		if _, err := NewManifests(o); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The whole of a service comes out as zone wants it.
func TestManifestsService(t *testing.T) {
	r := run(t, ManifestOptions{Paths: []string{"-"}, Stdin: strings.NewReader(
		"apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ServiceImport\nmetadata: {name: db}\nspec: {type: Headless, ports: [{port: 5432}]}\n---\n" + sliceYAML)})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := r.Next(ctx)
	want := zone.Changes{
		Services: []zone.Service{{
			Key: zone.Key{Namespace: "default", Name: "db"}, Type: zone.Headless, Ports: []zone.Port{{Number: 5432}},
			Slices: []zone.EndpointSlice{{
				Name: "db-east", Cluster: "east", Ports: []zone.Port{{Number: 5432}},
				Endpoints: []zone.Endpoint{{Hostname: "db-0", Addresses: []string{"10.1.0.1"}, Ready: true}},
			}},
		}},
		Namespaces: []string{"default"},
	}
	if err != nil || fmt.Sprintf("%+v", c) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v, %v\nwant %+v", c, err, want)
	}
}
