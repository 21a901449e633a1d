package publish

import (
	"bufio"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// The lease ends before the file gets its name, also if a child has the file open too that
// was forked meanwhile and has not called exec yet.
func TestLeaseEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spare")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := lease(file, syscall.F_WRLCK); err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(file.Fd())) // the same open file, as a child has it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(child) }()
	if _, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0); err == nil {
		t.Error("the file can be opened during the lease")
	}
	h := &handle{out: bufio.NewWriter(nil)}
	if _, err := h.fill(file, net.Buffers{}, slices.Values(net.Buffers{[]byte("x")}), 0o644, nil); err != nil {
		t.Fatal(err)
	}
	reader, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("after the lease: %v", err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
}
