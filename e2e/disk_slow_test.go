package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// onImage is a script for runMounted that mounts an ext4 whose image is a file on another one. When that one is frozen,
// files can be written here, until they are to be synced: that hangs.
const onImage = `set -e
mount=$1; below=$2; shift 2
image() { truncate -s "$2" "$1"; mkfs.ext4 -q "$1"; mount -o loop "$1" "$3"; }
image "$below/image" 64M "$below/mounted"
image "$below/mounted/image" 32M "$mount"
sync --file-system "$mount"
exec "$@"`

// freeze makes whoever writes to the filesystem of a folder wait, until the result is called, or the test is no more: the
// program that is to end it waits for the end of its input.
func freeze(t testing.TB, folder string) (thaw func()) {
	t.Helper()
	tool(t, "fsfreeze", "util-linux")
	cmd := exec.Command("sh", "-c", `cd "$1" && fsfreeze --freeze . && echo frozen && read -r _; fsfreeze --unfreeze .`, "sh", folder)
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	thaw = sync.OnceFunc(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			t.Errorf("%s is not thawed: %v", folder, err)
		}
	})
	t.Cleanup(thaw)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "frozen\n" {
		rest, _ := io.ReadAll(out)
		t.Fatalf("%s is not frozen: %q%q, %v", folder, line, rest, err)
	}
	return thaw
}

// TestDiskSlow has fsync hang for as long as the test likes. Meanwhile all changes are read and published to a ConfigMap,
// and the endpoints answer. Then the newest state is published, and none of those between.
func TestDiskSlow(t *testing.T) {
	mustMountImages(t)
	tool(t, "mkfs.ext4", "e2fsprogs")
	api := sharedAPI(t)
	ns := api.newNamespace(t, "slow-")
	web := clusterSetIPImport(ns, "web", []string{"10.1.0.1"})
	api.create(t, web)
	below := t.TempDir()
	mustMkdir(t, filepath.Join(below, "mounted"))
	d := runMounted(t, onImage, below, "--kubeconfig", api.kubeconfig(t), "--deletion-guard", "0",
		"--configmap", ns+"/zones", "--configmap-min-interval", "20ms")
	d.ready()
	name := "A web." + ns + "." + svc
	port := d.runServer()
	becomes := func(address string) {
		t.Helper()
		eventually(t, "web is at "+address, func() error { return answers(t, port, name, "A "+address) })
	}
	becomes("10.1.0.1")

	changes := allTheWhile(t, "the last zone is served", func() error { return answers(t, port, name, "A 10.1.0.1") })
	const written = `zonegen_publications_total{publisher="folder",result="written",zone="clusterset.local."}`
	before, err := d.value(written)
	if err != nil {
		t.Fatal(err)
	}
	mapped := func(address string) {
		t.Helper()
		eventually(t, address+" is in the ConfigMap", func() error {
			zones := corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "zones"}}
			if err := api.Get(t.Context(), client.ObjectKeyFromObject(&zones), &zones); err != nil {
				return err
			}
			if !strings.Contains(zones.Data["db.clusterset.local"], " A "+address+"\n") {
				return errors.New("it is not")
			}
			return nil
		})
	}
	frozen := d.seen(filepath.Join(below, "mounted"))
	thaw := freeze(t, frozen)
	const last = "10.1.0.9"
	for i := 2; i <= 9; i++ {
		address := fmt.Sprintf("10.1.0.%d", i)
		api.modify(t, web, func() { web.Spec.IPs = []string{address} })
		mapped(address)
	}
	d.waitOutput(`level=WARN msg="publishing waits for the disk; find out why it hangs or is slow.*" path=` + d.mount)
	d.waitValue(`zonegen_oldest_unpublished_change_age_seconds{publisher="folder"}`, above(10))
	d.waitValue(`zonegen_oldest_unpublished_change_age_seconds{publisher="configmap"}`, equals(0))
	d.waitHTTP(d.http+"/readyz", 200)
	d.waitHTTP(d.http+"/livez", 200)
	changes()
	thaw()
	becomes(last)
	d.waitValue(`zonegen_oldest_unpublished_change_age_seconds{publisher="folder"}`, equals(0))
	if n, err := d.value(written); err != nil || n > before+2 {
		t.Errorf("after the stall %v versions were written, %v; want the one that was in work and the newest", n-before, err)
	}

	// SIGTERM while it hangs: the ConfigMap is given free at once, and the process ends when the disk lets it.
	thaw = freeze(t, frozen)
	api.modify(t, web, func() { web.Spec.IPs = []string{"10.1.1.1"} })
	mapped("10.1.1.1")
	d.eventually("a new file is being written", func() error {
		if len(temporaries(t, d.zones)) == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	d.asked = true
	d.signal(syscall.SIGTERM)
	eventually(t, "the Lease is given free", func() error {
		lease := coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "zones"}}
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(&lease), &lease); err != nil {
			return err
		}
		if holder := lease.Spec.HolderIdentity; holder != nil && *holder != "" {
			return fmt.Errorf("%s has it", *holder)
		}
		return nil
	})
	if err := answers(t, port, name, "A "+last); err != nil {
		t.Error(err)
	}
	thaw()
	if code := d.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	becomes("10.1.1.1") // the version that was in work
}
