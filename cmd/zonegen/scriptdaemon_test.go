package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// daemonsKey is where a script keeps its daemons, by name.
type daemonsKey struct{}

// scriptDaemon is a process that writes what it prints to a file.
type scriptDaemon struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func daemonsOf(ts *testscript.TestScript) map[string]*scriptDaemon {
	return ts.Value(daemonsKey{}).(map[string]*scriptDaemon)
}

// daemon NAME ARG... starts zonegen in the background. What it prints goes to
// the file NAME.log, from its beginning.
func startDaemon(ts *testscript.TestScript, _ bool, args []string) {
	log, err := os.Create(ts.MkAbs(args[0] + ".log"))
	ts.Check(err)
	defer log.Close() // the child has it
	path, err := exec.LookPath("zonegen")
	ts.Check(err)
	cmd := exec.Command(path, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = os.Environ()
	for _, name := range []string{"HOME", "GORACE", "KUBECONFIG"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(cmd.Start())
	d := &scriptDaemon{cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		_ = cmd.Wait() // the state of cmd tells more
	}()
	daemonsOf(ts)[args[0]] = d
	ts.Defer(func() {
		select {
		case <-d.done:
		default:
			_ = cmd.Process.Kill()
			<-d.done
		}
		text, err := os.ReadFile(log.Name())
		ts.Check(err)
		ts.Logf("[%s.log]\n%s", args[0], text)
		if strings.Contains(string(text), "WARNING: DATA RACE") {
			ts.Fatalf("a data race in %s", args[0])
		}
	})
}

func daemonOf(ts *testscript.TestScript, name string) *scriptDaemon {
	d := daemonsOf(ts)[name]
	if d == nil {
		ts.Fatalf("there is no daemon %q", name)
	}
	return d
}

var signals = map[string]syscall.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL}

// signal SIGNAL NAME sends a signal to a daemon.
func signalDaemon(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(daemonOf(ts, args[1]).cmd.Process.Signal(signals[args[0]]))
}

// ended NAME HOW waits until a daemon has ended, with that exit status or by
// that signal, which it gets until it ends.
func daemonEnded(ts *testscript.TestScript, _ bool, args []string) {
	d := daemonOf(ts, args[0])
	sig, bySignal := signals[args[1]]
	ts.Check(eventually(func() error {
		if bySignal {
			_ = d.cmd.Process.Signal(sig) // it may have ended
		}
		select {
		case <-d.done:
			return nil
		default:
			return fmt.Errorf("%s has not ended", args[0])
		}
	}))
	status := d.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if bySignal && status.Signaled() && status.Signal() == sig {
		return
	}
	if bySignal || strconv.Itoa(d.cmd.ProcessState.ExitCode()) != args[1] {
		ts.Fatalf("%s ended with %v, want %s", args[0], d.cmd.ProcessState, args[1])
	}
}

// address NAME waits until a daemon serves HTTP and sets $NAME to the URL.
func daemonAddress(ts *testscript.TestScript, _ bool, args []string) {
	serving := regexp.MustCompile(`serving HTTP.*address"?[=:]"?([0-9.:]+)`)
	ts.Check(whileRunning(ts, args[0], func() error {
		match := serving.FindStringSubmatch(ts.ReadFile(args[0] + ".log"))
		if match == nil {
			return fmt.Errorf("%s serves no HTTP", args[0])
		}
		ts.Setenv(args[0], "http://"+match[1])
		return nil
	}))
}

// whileRunning waits for a condition, but no longer than the daemon lives.
func whileRunning(ts *testscript.TestScript, name string, condition func() error) error {
	d := daemonOf(ts, name)
	return eventually(func() error {
		select {
		case <-d.done:
			if err := condition(); err != nil { // its last words count
				ts.Fatalf("%v, and never will: %v", err, d.cmd.ProcessState)
			}
			return nil
		default:
			return condition()
		}
	})
}

// waitfor NAME CONDITION... waits until a condition holds, while the daemon
// lives: "[!] exists FILE", "[!] grep PATTERN FILE" or "http URL STATUS
// [PATTERN]".
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	name, what := args[0], args[1:]
	not := what[0] == "!"
	if not {
		what = what[1:]
	}
	ts.Check(whileRunning(ts, name, func() error {
		err := holds(ts, what)
		switch {
		case not && err == nil:
			return fmt.Errorf("%q still holds", what)
		case not:
			return nil
		}
		return err
	}))
}
