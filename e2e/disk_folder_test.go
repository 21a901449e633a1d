package e2e

import (
	"os"
	"testing"
)

// TestDiskFolder takes the zone folder away, in every way there is, while nothing changes in the cluster: zonegen publishes
// into the one that is there then, under its lock, and the plugin serves the last zone all the while and then that folder.
func TestDiskFolder(t *testing.T) {
	const replaced = `level=WARN msg="the zone folder was replaced; publishing everything again"`
	for name, fault := range map[string]struct {
		script string // $1 is the zone folder
		says   string
	}{
		"removed":     {`rm -r "$1"`, replaced},
		"made again":  {`rm -r "$1" && mkdir "$1"`, replaced},
		"renamed":     {`mv "$1" "$1.old"`, replaced},
		"mounted":     {`mount -t tmpfs -o size=4m tmpfs "$1"`, replaced},
		"all removed": {`rm -r "$1"/*`, `level=WARN msg="the zone file is gone; writing it again" zone=clusterset.local.`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := runMounted(t, `shift 2 && exec "$@"`, "")
			d.ready()
			port, changes := d.serve("10.1.0.1")
			before, serial := d.stat(), d.serial(clusterset)
			d.do("sh", "-c", fault.script, "sh", d.mount)
			d.waitOutput(fault.says)
			d.eventually("the zone is published again", func() error {
				_, err := os.Stat(d.file(clusterset))
				return err
			})
			if os.SameFile(before, d.stat()) {
				t.Error("the file is the same")
			}
			if next := d.serial(clusterset); next <= serial {
				t.Errorf("serial %d comes after %d", next, serial)
			}
			args := d.inside(zonegen(t), "run", "-f", d.manifest, "--zone-dir", d.mount, "--http", "")
			second := run(t, args[0], args[1:]...)
			second.waitOutput(`level=ERROR msg="not published; trying again" .* error="lock ` + d.mount + `: another zonegen writes to it`)
			second.stop()

			changes()
			d.services(1, "10.1.0.2")
			d.becomes(port, "10.1.0.2")
			d.checkAll()
		})
	}
}
