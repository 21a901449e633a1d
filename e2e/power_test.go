package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/e2e/powercut"
)

// TestPowerLossServed cuts the power of a machine that runs zonegen and a CoreDNS with our plugin. What is left is served
// when that CoreDNS starts, before zonegen does, and then what zonegen publishes.
func TestPowerLossServed(t *testing.T) {
	const cuts, services = 3, 50
	r := rand.New(rand.NewPCG(1, 0))
	disk, mount, manifest := powercut.New(), t.TempDir(), filepath.Join(t.TempDir(), "services.json")
	zones := filepath.Join(mount, "zones")
	file := filepath.Join(zones, "db.clusterset.local")
	generation := 1
	address := func() string { return fmt.Sprintf("10.1.%d.%d", generation>>8, generation&255) }
	for cut := 0; cut <= cuts; cut++ {
		changes := 1 << 30
		if cut < cuts {
			changes = 60 + r.IntN(60) // enough for a first publication, and more
		}
		disk.Restart(r, changes)
		unmount := mountPowercut(t, disk, mount)
		port := freePort(t)
		server := runCoreDNS(t, port, "multicluster clusterset.local {\n directory "+zones+"\n}")
		serves := func(what string) {
			t.Helper()
			server.eventually(what, func() error {
				return answers(t, port, "web-0.shop.svc."+clusterset+" A", "A "+address())
			})
		}
		if cut > 0 {
			text := readFile(t, file)
			for generation > 1 && !strings.Contains(text, " A "+address()+"\n") {
				generation--
			}
			serves("what the cut has left is served")
		}
		generation++
		writeServices(manifest, services, address())
		p := run(t, zonegen(t), "run", "-f", manifest, "--zone-dir", zones, "--http", "", "--min-interval", "0")
		if cut == cuts {
			serves("what is published after the last cut is served")
		} else {
			p.eventually("the power is cut", func() error {
				if disk.Off() {
					return nil
				}
				generation++
				writeServices(manifest, services, address())
				return errors.New("it is on")
			})
		}
		server.kill()
		p.kill()
		unmount()
	}
}

// mountPowercut mounts a filesystem that forgets.
func mountPowercut(t testing.TB, disk *powercut.Disk, path string) (unmount func()) {
	t.Helper()
	stop, err := disk.Mount(path)
	if err != nil {
		t.Fatal(err)
	}
	mounted := true
	unmount = func() {
		if mounted {
			if mounted = false; stop() != nil {
				t.Errorf("cannot unmount %s", path)
			}
		}
	}
	t.Cleanup(unmount)
	return unmount
}
