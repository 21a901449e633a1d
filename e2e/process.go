package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
	"time"
)

// process is a program that runs as a child of the test. Its output goes to the test's log, line by line. It is
// killed when the test ends; that it ended before, without the test having asked for it by stop, kill or wait, is a
// failure.
type process struct {
	t    testing.TB
	name string
	path string
	args []string

	cmd   *exec.Cmd
	out   *output
	done  chan struct{} // closed when it has ended
	asked bool          // the test knows that it ends
}

// run starts a program.
func run(t testing.TB, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: filepath.Base(path), path: path, args: args}
	p.start()
	t.Cleanup(p.end)
	return p
}

// runAlone runs a shell script with mounts of its own, as root or as somebody who may mount there.
func runAlone(t testing.TB, script string, args ...string) *process {
	t.Helper()
	unshare := []string{"--mount"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--map-root-user")
	}
	unshare = append(unshare, "--", "sh", "-c", script, "sh")
	return run(t, tool(t, "unshare", "util-linux"), append(unshare, args...)...)
}

// start starts the program, the first time or after it has ended.
func (p *process) start() {
	p.t.Helper()
	out := &output{log: p.t.Output(), name: p.name}
	cmd := exec.Command(p.path, p.args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = 5 * time.Second // for a grandchild that keeps the output open
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("starting %s: %v", p.name, err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // the state of cmd tells more
		out.flush()
	}()
	p.cmd, p.out, p.done, p.asked = cmd, out, done, false
}

// restart starts the program again, with the same arguments, after stop, kill or wait. What it printed is forgotten.
func (p *process) restart() {
	p.t.Helper()
	if !p.ended() {
		p.t.Fatalf("%s is to start again but has not ended: use stop or kill before", p.name)
	}
	p.check()
	p.start()
}

// signal sends a signal that does not end the program.
func (p *process) signal(sig os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("%v to %s: %v", sig, p.name, err)
	}
}

// stop ends the program with SIGTERM and returns its exit code, -1 if it did not end by itself.
func (p *process) stop() int {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.wait()
}

// kill ends the program at once, as the kernel does when memory is short.
func (p *process) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	p.wait()
}

// wait waits for the end of a program that ends by itself and returns its exit code.
func (p *process) wait() int {
	p.t.Helper()
	p.asked = true
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("%s has not ended within %s", p.name, patience)
	}
	return p.cmd.ProcessState.ExitCode()
}

// output is all that the program has printed since it was started, or since forget.
func (p *process) output() string { return p.out.String() }

// forget drops what the program has printed so far, so that waitOutput waits for what comes.
func (p *process) forget() { p.out.forget() }

// waitOutput waits until the program has printed a match of the pattern and returns it with its submatches.
func (p *process) waitOutput(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	var match []string
	p.eventually(fmt.Sprintf("%s prints %q", p.name, pattern), func() error {
		if match = re.FindStringSubmatch(p.output()); match == nil {
			return errors.New("no match")
		}
		return nil
	})
	return match
}

// waitHTTP waits until a GET of url answers with this status and returns the body.
func (p *process) waitHTTP(url string, status int) string {
	p.t.Helper()
	var body string
	p.eventually(fmt.Sprintf("%s answers %d at %s", p.name, status, url), func() error {
		got, text, err := httpGet(url)
		if err != nil {
			return err
		}
		if got != status {
			return fmt.Errorf("%d %s", got, text)
		}
		body = text
		return nil
	})
	return body
}

// eventually waits for a condition that the program brings about, but no longer than it lives.
func (p *process) eventually(what string, condition func() error) {
	p.t.Helper()
	eventually(p.t, what, func() error {
		ended := p.ended() // before the condition is looked at: its last words count
		err := condition()
		if err != nil && ended {
			p.asked = true // one report is enough
			p.t.Fatalf("%s: %s ended (%v): %v", what, p.name, p.cmd.ProcessState, err)
		}
		return err
	})
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// end is the end of the test.
func (p *process) end() {
	if !p.ended() {
		p.asked = true
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.check()
}

// check reports what was wrong with a program that has ended.
func (p *process) check() {
	p.t.Helper()
	if !p.asked {
		p.t.Errorf("%s ended by itself: %v", p.name, p.cmd.ProcessState)
	}
	if p.out.raced() {
		p.t.Errorf("the race detector found a data race in %s", p.name)
	}
}
