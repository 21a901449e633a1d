package powercut_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/rpc"
	"os"
	"os/exec"
	"testing"

	"github.com/clusterset-dns/zonegen/e2e/powercut"
)

// The filesystem is served by a process of its own: this binary again, with this variable set. Whoever uses a
// filesystem of its own process cannot be killed in the middle of a call, since nobody is left to answer it.
const serveVariable = "ZONEGEN_POWERCUT_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) == "" {
		os.Exit(m.Run())
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Disk", &served{disk: powercut.New()}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server.ServeConn(pipes{os.Stdin, os.Stdout}) // until the test ends, however it does
}

// pipes are both ways to another process.
type pipes struct {
	io.Reader
	io.WriteCloser
}

// served is what the test calls in the other process.
type served struct {
	disk    *powercut.Disk
	unmount func() error
}

// Restart is what a restart begins with.
type Restart struct {
	Path    string
	Seed    uint64
	Changes int
}

// Start mounts what is left of the Disk.
func (s *served) Start(how Restart, _ *struct{}) (err error) {
	s.disk.Restart(rand.New(rand.NewPCG(how.Seed, 0)), how.Changes)
	s.unmount, err = s.disk.Mount(how.Path)
	return err
}

// Stop unmounts it.
func (s *served) Stop(struct{}, *struct{}) error { return s.unmount() }

// Off is [powercut.Disk.Off].
func (s *served) Off(_ struct{}, off *bool) error {
	*off = s.disk.Off()
	return nil
}

// Renamed is [powercut.Disk.Renamed].
func (s *served) Renamed(_ struct{}, files *[]powercut.Renamed) error {
	*files = s.disk.Renamed()
	return nil
}

// disk is a Disk in another process.
type disk struct {
	t      *testing.T
	client *rpc.Client
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", serveVariable+"=1")
	cmd.Stderr = t.Output()
	in, inErr := cmd.StdinPipe()
	out, outErr := cmd.StdoutPipe()
	if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	d := &disk{t: t, client: rpc.NewClient(pipes{out, in})}
	t.Cleanup(func() {
		if err := errors.Join(d.client.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
	})
	return d
}

func (d *disk) start(path string, seed uint64, changes int) {
	call[struct{}](d, "Disk.Start", Restart{path, seed, changes})
}

func (d *disk) stop() { call[struct{}](d, "Disk.Stop", struct{}{}) }

func (d *disk) off() bool { return call[bool](d, "Disk.Off", struct{}{}) }

func (d *disk) renamed() []powercut.Renamed {
	return call[[]powercut.Renamed](d, "Disk.Renamed", struct{}{})
}

func call[T any](d *disk, method string, argument any) (result T) {
	d.t.Helper()
	if err := d.client.Call(method, argument, &result); err != nil {
		d.t.Fatalf("%s: %v", method, err)
	}
	return result
}
