package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "make what was printed the expectation of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"zonegen": main})
}

// TestScripts runs the scripts in testdata/script: zonegen as a process, with
// the commands below beside those of testscript.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		Cmds:          scriptCommands,
		Setup:         scriptSetup,
		UpdateScripts: *update,
	})
}

// patience is how long a script waits for what should take milliseconds.
const patience = 60 * time.Second

// daemons are the daemons that a script has started, by name.
type daemons map[string]*scriptDaemon

// scriptDaemon is a process that writes what it prints to a file.
type scriptDaemon struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

func scriptSetup(env *testscript.Env) error {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", examples)
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each process ends a second later
	env.Values[daemons{}.key()] = daemons{}
	return nil
}

func (daemons) key() string { return "daemons" }

var scriptCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":   exits,
	"daemon":  startDaemon,
	"signal":  signalDaemon,
	"ended":   daemonEnded,
	"address": daemonAddress,
	"waitfor": waitFor,
	"httpget": httpGet,
	"isjson":  isJSON,
	"append":  appendTo,
}

// exits CODE PROGRAM ARG... runs a program and wants that exit status.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit status %d, want %s", code, args[0])
	}
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
	ts.Value(daemons{}.key()).(daemons)[args[0]] = d
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
	d := ts.Value(daemons{}.key()).(daemons)[name]
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

func holds(ts *testscript.TestScript, what []string) error {
	switch what[0] {
	case "exists":
		_, err := os.Stat(ts.MkAbs(what[1]))
		return err
	case "grep":
		text, err := os.ReadFile(ts.MkAbs(what[2]))
		if err == nil && !regexp.MustCompile("(?m)"+what[1]).Match(text) {
			err = fmt.Errorf("%s does not match %q:\n%s", what[2], what[1], text)
		}
		return err
	case "http":
		_, err := get(append(what[1:], "")[:3])
		return err
	}
	ts.Fatalf("unknown condition %q", what)
	return nil
}

// httpget URL STATUS [PATTERN] gets a page, which becomes stdout.
func httpGet(ts *testscript.TestScript, _ bool, args []string) {
	body, err := get(append(args, "")[:3])
	ts.Check(err)
	fmt.Fprint(ts.Stdout(), body)
}

// get returns the page at a URL if it has this status and matches this pattern.
func get(args []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, args[0], nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if strconv.Itoa(response.StatusCode) != args[1] || !regexp.MustCompile("(?m)"+args[2]).Match(body) {
		return "", fmt.Errorf("GET %s: %s\n%s", args[0], response.Status, body)
	}
	return string(body), nil
}

// isjson FILE wants every line of a file to be a log record in JSON.
func isJSON(ts *testscript.TestScript, _ bool, args []string) {
	lines := strings.SplitAfter(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	for _, line := range lines {
		var record struct{ Time, Level, Msg string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Time == "" || record.Level == "" || record.Msg == "" {
			ts.Fatalf("%q is no log record: %v", line, err)
		}
	}
}

// append FILE TEXT writes more to a file, without replacing it.
func appendTo(ts *testscript.TestScript, _ bool, args []string) {
	file, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY|os.O_APPEND, 0)
	ts.Check(err)
	_, err = fmt.Fprintln(file, args[1])
	ts.Check(errors.Join(err, file.Close()))
}

// eventually waits for a condition, and returns its last error if it never
// comes true.
func eventually(condition func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		err := condition()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("not within %s: %w", patience, err)
		}
	}
}
