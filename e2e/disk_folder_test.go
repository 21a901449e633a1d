package e2e

import (
	"os"
	"testing"
)

// TestDiskFolder takes the zone folder away, in every way there is, while nothing changes in the cluster: zonegen publishes
// into the one that is there then, under its lock, and the plugin serves the last zone all the while and then that folder.
func TestDiskFolder(t *testing.T) {
	const replaced = `level=WARN msg="the zone folder was replaced; publishing everything again"`
	var lost []*lostFolder
	for name, fault := range map[string]struct{ script, says string }{ // $1 is the zone folder
		"the folder is removed":               {`rm -r "$1"`, replaced},
		"it is removed and made again":        {`rm -r "$1" && mkdir "$1"`, replaced},
		"it is renamed":                       {`mv "$1" "$1.old"`, replaced},
		"another filesystem is mounted there": {`mount -t tmpfs -o size=4m tmpfs "$1"`, replaced},
		"all files are removed":               {`rm -r "$1"/*`, `level=WARN msg="the zone file is gone; writing it again" zone=clusterset.local.`},
	} {
		f := &lostFolder{disk: runMounted(t, `shift 2 && exec "$@"`, ""), name: name}
		f.ready()
		f.port, f.changes = f.serve("10.1.0.1")
		f.serial = f.disk.serial(clusterset)
		f.do("sh", "-c", fault.script, "sh", f.mount)
		f.says = fault.says
		lost = append(lost, f)
	}
	for _, f := range lost { // zonegen looks every 30 s
		f.returns()
	}
}

// lostFolder is a zone folder that something has happened to.
type lostFolder struct {
	*disk
	name    string
	port    int
	changes func()
	serial  uint32
	says    string // what zonegen says of it
}

// returns waits until the zone is published again, and then follows a change.
func (f *lostFolder) returns() {
	f.t.Helper()
	f.t.Log(f.name)
	f.waitOutput(f.says)
	f.eventually("the zone is published again", func() error {
		_, err := os.Stat(f.file(clusterset))
		return err
	})
	if next := f.disk.serial(clusterset); next <= f.serial {
		f.t.Errorf("%s: serial %d comes after %d", f.name, next, f.serial)
	}
	args := f.inside(zonegen(f.t), "run", "-f", f.manifest, "--zone-dir", f.mount, "--http", "")
	second := run(f.t, args[0], args[1:]...)
	second.waitOutput(`level=ERROR msg="not published; trying again" .* error="lock ` + f.mount + `: another zonegen writes to it`)
	second.stop()

	f.changes()
	f.services(1, "10.1.0.2")
	f.becomes(f.port, "10.1.0.2")
	f.checkAll()
}
