package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// disk is a daemon whose zone folder is a small filesystem of its own, and which follows a manifest.
type disk struct {
	*daemon
	mount    string // where the filesystem is, as zonegen sees it
	manifest string
}

// runOnDisk starts zonegen on a tmpfs with these options.
func runOnDisk(t testing.TB, options string) *disk {
	t.Helper()
	mount, manifest, port := t.TempDir(), filepath.Join(t.TempDir(), "services.json"), freePort(t)
	d := &disk{mount: mount, manifest: manifest}
	d.services(1, "10.1.0.1")
	p := runAlone(t, `mount -t tmpfs -o "$1" tmpfs "$2" && shift 2 && exec "$@"`, options, mount,
		zonegen(t), "run", "-f", manifest, "--zone-dir", mount, "--http", loopback(port), "--min-interval", "20ms")
	// What it has mounted is seen through its root.
	zones := fmt.Sprintf("/proc/%d/root%s", p.cmd.Process.Pid, mount)
	d.daemon = &daemon{p, zones, fmt.Sprintf("http://127.0.0.1:%d", port)}
	return d
}

// services replaces the manifest by one with so many services at one address.
func (d *disk) services(n int, address string) {
	writeServices(d.manifest, n, address)
}

func writeServices(path string, n int, address string) {
	var b bytes.Buffer
	for i := range n {
		imported := clusterSetIPImport("shop", fmt.Sprintf("web-%d", i), []string{address})
		imported.APIVersion, imported.Kind = "multicluster.x-k8s.io/v1beta1", "ServiceImport"
		text, err := json.Marshal(imported)
		if err != nil {
			panic(err) // cannot happen
		}
		b.Write(append(text, '\n'))
	}
	temp := path + ".new"
	if err := errors.Join(os.WriteFile(temp, b.Bytes(), 0o644), os.Rename(temp, path)); err != nil {
		panic(err)
	}
}

// remount changes the options of the filesystem.
func (d *disk) remount(options string) {
	d.t.Helper()
	args := []string{"--target", strconv.Itoa(d.cmd.Process.Pid), "--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--preserve-credentials")
	}
	args = append(args, "mount", "-o", "remount,"+options, d.mount)
	if out, err := exec.Command(tool(d.t, "nsenter", "util-linux"), args...).CombinedOutput(); err != nil {
		d.t.Fatalf("nsenter %q: %v\n%s", args, err, out)
	}
}

// failed is how often publishing a zone has failed, by the metrics.
func (d *disk) failed(origin string) int {
	d.t.Helper()
	metrics := d.waitHTTP(d.http+"/metrics", 200)
	m := regexp.MustCompile(`zonegen_publications_total{publisher="folder",result="failed",zone="` + origin + `"} (\d+)`).FindStringSubmatch(metrics)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// has waits until the zone file has an address, and returns the file.
func (d *disk) has(address string) []byte {
	d.t.Helper()
	var text string
	d.eventually(address+" is published", func() error {
		if text = readFile(d.t, d.file(clusterset)); !strings.Contains(text, " A "+address+"\n") {
			return errors.New("it is not")
		}
		return nil
	})
	return []byte(text)
}

// mustFail waits until publishing has failed a few times with an error that matches the pattern. Meanwhile the old
// file stays as it is, there is no other beside it, and zonegen stays ready.
func (d *disk) mustFail(before os.FileInfo, text []byte, pattern string) {
	d.t.Helper()
	failed := d.failed(clusterset)
	d.waitOutput(`level=ERROR msg="not published; trying again" zone=clusterset.local. error="` + pattern)
	d.eventually("it is tried again", func() error {
		if n := d.failed(clusterset); n < failed+3 {
			return fmt.Errorf("%d failed publications", n)
		}
		return nil
	})
	if answer := d.waitHTTP(d.http+"/readyz", 200); !regexp.MustCompile("(?m)^not published: " + pattern).MatchString(answer) {
		d.t.Errorf("/readyz says %q", answer)
	}
	after, err := os.Stat(d.file(clusterset))
	if err != nil || !os.SameFile(before, after) || readFile(d.t, d.file(clusterset)) != string(text) {
		d.t.Errorf("the old file did not stay: %v", err)
	}
	if temps, err := filepath.Glob(filepath.Join(d.zones, ".zonegen-*")); err != nil || len(temps) > 0 {
		d.t.Errorf("temporary files %q are left, %v", temps, err)
	}
	if n := strings.Count(d.output(), "level=ERROR"); n > 5 {
		d.t.Errorf("the log has %d errors for one cause", n)
	}
}

func (d *disk) stat() os.FileInfo {
	d.t.Helper()
	info, err := os.Stat(d.file(clusterset))
	if err != nil {
		d.t.Fatal(err)
	}
	return info
}

// TestDiskFull fills the disk. When there is room again, the newest state is published.
func TestDiskFull(t *testing.T) {
	d := runOnDisk(t, "size=1m")
	d.ready()
	text, before, serial := d.has("10.1.0.1"), d.stat(), d.serial(clusterset)
	filler := filepath.Join(d.zones, "filler")
	file, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	_ = file.Close() // what could not be written does not matter

	d.services(200, "10.1.0.2")
	d.mustFail(before, text, `(write|open|fsync) `+d.mount+`/db.clusterset.local: no space left on device; free space on the filesystem of `+d.mount)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	d.has("10.1.0.2")
	if next := d.serial(clusterset); next <= serial {
		t.Errorf("serial %d comes after %d", next, serial)
	}
	d.waitOutput(`msg="all zones are published again"`)
	if answer := d.waitHTTP(d.http+"/readyz", 200); answer != "ok\n" {
		t.Errorf("/readyz says %q", answer)
	}
	d.checkAll()
}

// TestDiskReadOnly makes the filesystem read-only for a while.
func TestDiskReadOnly(t *testing.T) {
	d := runOnDisk(t, "size=4m")
	d.ready()
	text, before := d.has("10.1.0.1"), d.stat()
	d.remount("ro")
	d.services(1, "10.1.0.2")
	d.mustFail(before, text, `open `+d.mount+`/db.clusterset.local: read-only file system; mount `+d.mount+` writable`)
	d.remount("rw")
	d.has("10.1.0.2")
	d.checkAll()
}

// TestDiskReadOnlyAtStart: a folder that cannot be written to when zonegen starts keeps it from being ready, no more.
func TestDiskReadOnlyAtStart(t *testing.T) {
	d := runOnDisk(t, "ro,size=4m")
	d.waitsFor(`^not published: .*read-only file system; mount ` + d.mount + ` writable`)
	d.remount("rw")
	d.ready()
	d.has("10.1.0.1")
}

// TestDiskLeftovers kills zonegen in the middle of a publication, until a temporary file is left. The next run removes
// it, and the zone is whole at any time.
func TestDiskLeftovers(t *testing.T) {
	zones, manifest := t.TempDir(), filepath.Join(t.TempDir(), "services.json")
	const many = 5000
	writeServices(manifest, many, "10.1.0.0")
	p := run(t, zonegen(t), "run", "-f", manifest, "--zone-dir", zones, "--no-reverse", "--http", "", "--min-interval", "0")
	file := filepath.Join(zones, "db.clusterset.local")
	leftovers := func() []string {
		found, err := filepath.Glob(filepath.Join(zones, ".zonegen-*.tmp"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	published := func(address string) error {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if n := strings.Count(string(text), " A "+address+"\n"); n != many {
			return fmt.Errorf("%d services are at %s, want %d", n, address, many)
		}
		return nil
	}
	p.eventually("all is published", func() error { return published("10.1.0.0") })
	killed := false
	for i := 1; !killed; i++ {
		if i > 100 {
			t.Fatal("no publication could be caught")
		}
		address := fmt.Sprintf("10.1.0.%d", i)
		writeServices(manifest, many, address)
		// Without a pause: a publication takes milliseconds.
		for !killed && published(address) != nil {
			if len(leftovers()) > 0 {
				p.kill()
				killed = len(leftovers()) > 0
				if !killed { // it was quicker
					p.restart()
				}
			}
		}
	}
	text, err := os.ReadFile(file)
	if err != nil || !strings.HasSuffix(string(text), "\n") {
		t.Fatalf("the zone is not whole: %v", err)
	}
	if n := strings.Count(string(text), "$ORIGIN web-"); n != many {
		t.Errorf("the zone has %d services, want %d", n, many)
	}
	p.restart()
	p.waitOutput(`msg="removed a temporary file that an earlier run left behind" path=` + zones)
	p.waitOutput(`msg=ready`)
	if left := leftovers(); len(left) > 0 {
		t.Errorf("%q are still there", left)
	}
}
