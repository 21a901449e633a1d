package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// shell is a program for the tests of process.
const shell = "/bin/sh"

func TestProcessOutputAndSignals(t *testing.T) {
	p := run(t, shell, "-c", `
		trap 'echo reloaded' USR1
		trap 'echo bye; exit 3' TERM
		echo listening on port 53; echo warning >&2
		while :; do sleep 0.01; done`)
	if match := p.waitOutput(`port (\d+)`); match[1] != "53" {
		t.Errorf("matched %q", match)
	}
	p.waitOutput("warning")
	p.signal(syscall.SIGUSR1)
	p.waitOutput("(?m)^reloaded$")
	p.forget()
	if p.output() != "" {
		t.Errorf("not forgotten: %q", p.output())
	}
	p.signal(syscall.SIGUSR1)
	p.waitOutput("reloaded")
	if code := p.stop(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
	p.waitOutput("bye") // what it said last counts
	p.restart()
	p.waitOutput("listening")
	p.kill()
	p.restart()
	p.waitOutput("listening") // and is killed at the end of the test
}

func TestProcessThatEnds(t *testing.T) {
	if code := run(t, shell, "-c", "exit 4").wait(); code != 4 {
		t.Errorf("exit code %d, want 4", code)
	}
	for name, c := range map[string]struct {
		test func(testing.TB)
		want string
	}{
		"before it says what is waited for": {
			func(t testing.TB) { run(t, shell, "-c", "echo oops; exit 5").waitOutput("ready") },
			`sh prints "ready": sh ended (exit status 5): no match`,
		},
		"unasked": {
			func(t testing.TB) { <-run(t, shell, "-c", "exit 6").done },
			"sh ended by itself: exit status 6",
		},
		"with a data race": {
			func(t testing.TB) { run(t, shell, "-c", "echo WARNING: DATA RACE").wait() },
			"the race detector found a data race in sh",
		},
		"not at all": {
			func(t testing.TB) { run(t, shell, "-c", "while :; do sleep 0.01; done").restart() },
			"sh is to start again but has not ended: use stop or kill before",
		},
		"without a start": {
			func(t testing.TB) { run(t, "/nonexistent/zonegen") },
			"starting zonegen: fork/exec /nonexistent/zonegen: no such file or directory",
		},
		"as wished": {func(t testing.TB) { run(t, shell, "-c", "while :; do sleep 0.01; done").stop() }, ""},
	} {
		if got := failures(t, c.test); got != c.want {
			t.Errorf("%s: the test fails with %q, want %q", name, got, c.want)
		}
	}
}

func TestGoBuild(t *testing.T) {
	binary, err := goBuild(".", "./cmd/controlplane")
	if err != nil {
		t.Fatal(err)
	}
	p := run(t, binary)
	if code := p.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	dir, err := controlPlaneDir()
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(p.output()); got != dir {
		t.Errorf("it prints %q, want %q", got, dir)
	}
	if _, err := goBuild(".", "./cmd/none"); err == nil || !strings.Contains(err.Error(), "cmd/none") {
		t.Errorf("got %v, want an error that names what is not there", err)
	}
}

func TestProcessHTTP(t *testing.T) {
	var ready atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Swap(true) {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, "body")
	}))
	defer server.Close()
	p := run(t, shell, "-c", "while :; do sleep 0.01; done")
	if body := p.waitHTTP(server.URL, http.StatusOK); body != "body" {
		t.Errorf("body is %q", body)
	}
	got := failures(t, func(t testing.TB) {
		run(t, shell, "-c", "exit 1").waitHTTP(server.URL, http.StatusTeapot)
	})
	if want := "sh answers 418 at " + server.URL + ": sh ended (exit status 1): 200 body"; got != want {
		t.Errorf("the test fails with %q, want %q", got, want)
	}
}
