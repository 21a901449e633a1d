package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// kernelLimit is one of those in /proc/sys/user, which are those of a user namespace.
type kernelLimit string

// none runs a program to whose user the kernel gives nothing of this.
func (l kernelLimit) none(t testing.TB, args ...string) *process {
	t.Helper()
	script := `echo 0 > "$1" && shift && exec "$@"`
	return run(t, tool(t, "unshare", "util-linux"), append([]string{"--user", "--map-root-user", "--", "sh", "-c", script, "sh", string(l)}, args...)...)
}

// raise lets the kernel give something to the user of a process.
func (l kernelLimit) raise(p *process) {
	p.t.Helper()
	cmd := exec.Command(tool(p.t, "nsenter", "util-linux"), "--target", strconv.Itoa(p.cmd.Process.Pid), "--user", "--preserve-credentials",
		"--", "sh", "-c", `echo 1000 > "$1"`, "sh", string(l))
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
}

// inotifyLimits are what inotify needs, and what who has none of it is told.
var inotifyLimits = map[kernelLimit]string{
	"/proc/sys/user/max_inotify_instances": "too many open files .*raise sysctl fs.inotify.max_user_instances",
	"/proc/sys/user/max_inotify_watches":   "no space left on device .*raise sysctl fs.inotify.max_user_watches",
}

// notified returns an error unless a process watches a folder by inotify.
func (p *process) notified(folder string) error {
	info, err := os.Stat(folder)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", p.cmd.Process.Pid))
	if err != nil {
		return err
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), fmt.Sprintf(" ino:%x ", info.Sys().(*syscall.Stat_t).Ino)) { // else it was closed
			return nil
		}
	}
	return fmt.Errorf("%s is not watched", folder)
}

// TestInotifyPlugin: where the kernel has nothing left for inotify, the plugin looks at the folder from time to time and
// says so, and what is needed; it watches again as soon as there is something.
func TestInotifyPlugin(t *testing.T) {
	for limit, says := range inotifyLimits {
		t.Run(filepath.Base(string(limit)), func(t *testing.T) {
			t.Parallel()
			zones, port := t.TempDir(), freePort(t)
			publish := func(serial int, address string) {
				t.Helper()
				file := filepath.Join(zones, "db.clusterset.local")
				put(t, file+".new", fmt.Sprintf("$ORIGIN %s\n@ 5 SOA ns.dns %[1]s %d 7200 1800 86400 5\n@ 5 NS ns.dns\nns.dns 5 A 127.0.0.1\nweb 5 A %s\n", clusterset, serial, address))
				if err := os.Rename(file+".new", file); err != nil {
					t.Fatal(err)
				}
				eventually(t, address+" is served", func() error { return answers(t, port, "A web."+clusterset, "A "+address) })
			}
			p := limit.none(t, coredns(t), "-conf", corefile(t, port, fmt.Sprintf("multicluster %s {\n directory %s\n reload 1s\n }", clusterset, zones)))
			p.waitOutput(`\[WARNING\] plugin/multicluster: ` + zones + ` cannot be watched: .*` + says + `.* it is looked at every 1s instead`)
			for i := range 3 {
				publish(1+i, fmt.Sprintf("10.1.0.%d", i))
			}
			if p.notified(zones) == nil {
				t.Error("the folder is watched")
			}
			limit.raise(p)
			p.waitOutput(zones + " is watched again")
			if err := p.notified(zones); err != nil {
				t.Error(err)
			}
			publish(9, "10.1.0.9")
			if n := strings.Count(p.output(), "[WARNING]"); n != 1 {
				t.Errorf("%d warnings", n)
			}
		})
	}
}

// TestInotifyManifests: the same of zonegen, which follows manifests.
func TestInotifyManifests(t *testing.T) {
	for limit, says := range inotifyLimits {
		t.Run(filepath.Base(string(limit)), func(t *testing.T) {
			t.Parallel()
			zones, manifest, port := t.TempDir(), filepath.Join(t.TempDir(), "services.json"), freePort(t)
			writeServices(manifest, 1, "10.1.0.1")
			p := limit.none(t, zonegen(t), "run", "-f", manifest, "--zone-dir", zones, "--http", loopback(port))
			d := &disk{daemon: &daemon{p, zones, fmt.Sprintf("http://127.0.0.1:%d", port)}}
			d.ready()
			p.waitOutput(`level=WARN msg="changes of manifests are seen only by polling" every=30s error=.*` + says)
			writeServices(manifest, 1, "10.1.0.2")
			limit.raise(p) // the next look finds both
			d.has("10.1.0.2")
			p.waitOutput(`level=INFO msg="changes of manifests are notified again"`)
			if err := p.notified(filepath.Dir(manifest)); err != nil {
				t.Error(err)
			}
			if n := strings.Count(p.output(), "level=WARN"); n != 1 {
				t.Errorf("%d warnings", n)
			}
		})
	}
}
