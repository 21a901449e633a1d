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
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// disk is a daemon with mounts of its own.
type disk struct {
	*daemon
	mount    string // the zone folder, as zonegen sees it
	manifest string // what it follows
}

// onTmpfs is a script for runMounted that mounts a tmpfs with options as the zone folder.
const onTmpfs = `mount -t tmpfs -o "$2" tmpfs "$1" && shift 2 && exec "$@"`

// runMounted starts zonegen by a script that mounts a disk: $1 is the zone folder, $2 what the script is to know, and the
// rest the command to execute. Unless the arguments name a cluster, it follows a manifest.
func runMounted(t testing.TB, script, about string, args ...string) *disk {
	t.Helper()
	mount, manifest, port := filepath.Join(t.TempDir(), "zones"), filepath.Join(t.TempDir(), "services.json"), freePort(t)
	mustMkdir(t, mount)
	d := &disk{mount: mount, manifest: manifest}
	if !slices.Contains(args, "--kubeconfig") {
		d.services(1, "10.1.0.1")
		args = append(args, "-f", manifest)
	}
	args = append([]string{
		mount, about, zonegen(t), "run", "--zone-dir", mount, "--no-reverse", "--http", loopback(port), "--min-interval", "20ms",
	}, args...)
	d.daemon = &daemon{runAlone(t, script, args...), "", fmt.Sprintf("http://127.0.0.1:%d", port)}
	d.zones = d.seen(mount)
	return d
}

// seen is a path in what zonegen has mounted, as the test sees it.
func (d *disk) seen(path string) string {
	return fmt.Sprintf("/proc/%d/root%s", d.cmd.Process.Pid, path)
}

// inside is a command that runs among zonegen's mounts.
func (d *disk) inside(command ...string) []string {
	d.t.Helper()
	args := []string{tool(d.t, "nsenter", "util-linux"), "--target", strconv.Itoa(d.cmd.Process.Pid), "--mount"}
	if os.Geteuid() != 0 {
		args = append(args, "--user", "--preserve-credentials")
	}
	return append(append(args, "--"), command...)
}

// do runs a command among zonegen's mounts to its end.
func (d *disk) do(command ...string) {
	d.t.Helper()
	args := d.inside(command...)
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		d.t.Fatalf("%q: %v\n%s", args, err, out)
	}
}

func mustMkdir(t testing.TB, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// runServer starts a CoreDNS with our plugin that serves the zone folder.
func (d *disk) runServer() (port int) {
	d.t.Helper()
	port = freePort(d.t)
	args := d.inside(coredns(d.t), "-conf", corefile(d.t, port, fmt.Sprintf("multicluster %s {\n directory %s\n reload 1s\n }", clusterset, d.mount)))
	run(d.t, args[0], args[1:]...).waitOutput("CoreDNS-")
	return port
}

// serve starts a server of the zone folder. Until the result is called, web-0 is asked for all the while.
func (d *disk) serve(address string) (port int, changes func()) {
	d.t.Helper()
	port = d.runServer()
	d.becomes(port, address)
	return port, allTheWhile(d.t, "web-0 is at "+address, func() error { return answers(d.t, port, "A web-0.shop."+svc, "A "+address) })
}

// becomes waits until web-0 is answered to be at an address.
func (d *disk) becomes(port int, address string) {
	d.t.Helper()
	eventually(d.t, "web-0 is at "+address, func() error { return answers(d.t, port, "A web-0.shop."+svc, "A "+address) })
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

// has waits until web-0 is at an address in the zone file, and returns the file.
func (d *disk) has(address string) []byte {
	d.t.Helper()
	d.eventually(address+" is published", func() error {
		for _, rr := range readZone(d.t, clusterset, d.file(clusterset)) {
			if a, ok := rr.(*dns.A); ok && a.A.String() == address && a.Hdr.Name == "web-0.shop."+svc {
				return nil
			}
		}
		return errors.New("it is not")
	})
	return []byte(readFile(d.t, d.file(clusterset)))
}

// files are the names of what is in the zone folder, but for the fillers of tests.
func (d *disk) files() []string {
	d.t.Helper()
	entries, err := os.ReadDir(d.zones)
	if err != nil {
		d.t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, "filler") {
			names = append(names, name)
		}
	}
	return names
}

// mustFail changes the services, and waits until publishing has failed a few times with an error that matches the
// pattern. Meanwhile all files stay as they are, there are no others, and zonegen stays ready.
func (d *disk) mustFail(pattern string, change func()) {
	d.t.Helper()
	before, text, files := d.stat(), readFile(d.t, d.file(clusterset)), d.files()
	failed := d.failed(clusterset)
	change()
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
	after := d.stat()
	if !os.SameFile(before, after) || readFile(d.t, d.file(clusterset)) != text {
		d.t.Error("the old file did not stay")
	}
	d.eventually("no other files stay", func() error { // one may be there during an attempt
		if now := d.files(); !slices.Equal(now, files) {
			return fmt.Errorf("%q instead of %q", now, files)
		}
		return nil
	})
	if n := strings.Count(d.output(), "level=ERROR"); n > 5 {
		d.t.Errorf("the log has %d errors for one cause", n)
	}
}

// mustRecover waits until the fault is over and what had failed is published.
func (d *disk) mustRecover(port int, address string, serial uint32) {
	d.t.Helper()
	d.has(address)
	if next := d.serial(clusterset); next <= serial {
		d.t.Errorf("serial %d comes after %d", next, serial)
	}
	d.waitOutput(`msg="all zones are published again"`)
	if answer := d.waitHTTP(d.http+"/readyz", 200); answer != "ok\n" {
		d.t.Errorf("/readyz says %q", answer)
	}
	d.becomes(port, address)
	d.checkAll()
}

func (d *disk) stat() os.FileInfo {
	d.t.Helper()
	info, err := os.Stat(d.file(clusterset))
	if err != nil {
		d.t.Fatal(err)
	}
	return info
}
