package assets

import (
	"errors"
	"io"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	p := newProgress(t.Output())
	for _, part := range []string{"go: downloading example.org/m", "od v1.2.3\n"} {
		if _, err := p.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := p.String(), "1 modules downloaded, now example.org/mod v1.2.3"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.setTotal(3)
	if got, want := p.String(), "none of 3 packages had to be compiled so far"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := p.Write([]byte("example.org/mod\nexample.org/mod/b\n# example.org/mod/b\nb.go:1:2: undefined: x\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := p.String(), "2 of at most 3 packages compiled, now example.org/mod/b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err := p.failed("go build", errors.New("exit status 1"))
	if got, want := err.Error(), "go build: exit status 1\n# example.org/mod/b\nb.go:1:2: undefined: x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProgressIsPrinted(t *testing.T) {
	r, w := io.Pipe()
	p := newProgress(w)
	p.setTotal(3)
	p.line("example.org/mod")
	stop := p.every(time.Millisecond)
	for range 3 {
		line := make([]byte, 100)
		n, err := r.Read(line)
		if err != nil {
			t.Fatal(err)
		}
		if want := "controlplane: 0s: 1 of at most 3 packages compiled, now example.org/mod\n"; string(line[:n]) != want {
			t.Errorf("got %q, want %q", line[:n], want)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, r) }()
	stop()
}
