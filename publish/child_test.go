package publish_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// Some tests need a second process: this binary again, with childVariable set
// to what it is to do in the folder that childFolder names.
const (
	childVariable = "ZONEGEN_PUBLISH_TEST_CHILD"
	childFolder   = "ZONEGEN_PUBLISH_TEST_FOLDER"
)

func TestMain(m *testing.M) {
	var err error
	switch job := os.Getenv(childVariable); job {
	case "hold":
		err = holdFolder(os.Getenv(childFolder))
	case "write":
		err = writeForever(os.Getenv(childFolder))
	default: // none, or the part of a test that needs a process of its own
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// child is a running second process.
type child struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startChild(t *testing.T, job, path string) *child {
	t.Helper()
	c := &child{Cmd: exec.Command(os.Args[0])}
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childVariable+"="+job, childFolder+"="+path)
	c.Stderr = os.Stderr
	var err error
	c.in, err = c.StdinPipe()
	must(t, err)
	out, err := c.StdoutPipe()
	must(t, err)
	c.out = bufio.NewReader(out)
	must(t, c.Start())
	return c
}

// kill ends the child as the OOM killer does.
func (c *child) kill(t *testing.T) {
	t.Helper()
	must(t, c.Process.Kill())
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

// holdFolder opens the folder, says so, and keeps it until stdin ends.
func holdFolder(path string) error {
	f, err := publish.OpenFolder(publish.FolderOptions{Path: path})
	if err != nil {
		return err
	}
	fmt.Println("open")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	return f.Close()
}

// writeForever publishes generation after generation of a zone that takes a
// while to write, and says each serial.
func writeForever(path string) error {
	f, err := publish.OpenFolder(publish.FolderOptions{Path: path})
	if err != nil {
		return err
	}
	var snapshots []*zone.Snapshot
	for generation := range bigZones {
		snapshots = append(snapshots, bigZone(generation))
	}
	for i := 0; ; i++ {
		results, err := f.Publish(context.Background(), snapshots[i%bigZones:][:1])
		if err != nil {
			return err
		}
		fmt.Println(results[0].Serial)
	}
}
