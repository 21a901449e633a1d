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
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "make what was printed the expectation of the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"zonegen": main, kubectlPlugin: main, kubectlCompletion: main})
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

func scriptSetup(env *testscript.Env) error {
	env.Setenv("GORACE", "atexit_sleep_ms=0") // else each process ends a second later
	env.Values[daemonsKey{}] = map[string]*scriptDaemon{}
	return nil
}

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
	"spaced":  spaced,
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

// spaced TIME COUNT TEXT FILE wants a log to have that many records with a text,
// and at least that time between two of them.
func spaced(ts *testscript.TestScript, _ bool, args []string) {
	least, err := time.ParseDuration(args[0])
	ts.Check(err)
	var times []time.Time
	for line := range strings.Lines(ts.ReadFile(args[3])) {
		if !strings.Contains(line, args[2]) {
			continue
		}
		text, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		at, err := time.Parse(time.RFC3339, text)
		ts.Check(err)
		if n := len(times); n > 0 && at.Sub(times[n-1]) < least {
			ts.Fatalf("%s after the one before: %s", at.Sub(times[n-1]), line)
		}
		times = append(times, at)
	}
	if strconv.Itoa(len(times)) != args[1] {
		ts.Fatalf("%d records with %q, want %s", len(times), args[2], args[1])
	}
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
