package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// commands calls f for every command of ours; cobra's own look after themselves.
func commands(f func(*cobra.Command)) {
	root := newRootCommand()
	f(root)
	for _, cmd := range root.Commands() {
		if name := cmd.Name(); name != "help" && name != "completion" {
			f(cmd)
		}
	}
}

// elsewhere matches the examples that need a cluster or a name server. They are run
// by e2e (TestAccessExamples, TestVerbExamples), all others here.
var elsewhere = regexp.MustCompile(`^zonegen (run|render|diff|explain)( |$)|@|configmap:`)

// manifests matches those that need no cluster, because they have manifests.
var manifests = regexp.MustCompile(` -f [^@]*$`)

// TestExamples runs the examples of the help texts in a folder that has the
// examples, and with a folder of zones in the place of /zones.
func TestExamples(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	dir, zones := t.TempDir(), t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, line string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", line)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() == 1 && strings.HasPrefix(line, "zonegen explain ") {
			return // the name does not exist
		}
		if err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
	run(t, "zonegen render -f examples --zone-dir "+zones)
	ran := 0
	commands(func(cmd *cobra.Command) {
		if cmd.Example == "" {
			t.Errorf("%s has no examples", cmd.CommandPath())
		}
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") || elsewhere.MatchString(line) && !manifests.MatchString(line) {
				continue
			}
			ran++
			t.Run(line, func(t *testing.T) {
				line := strings.ReplaceAll(line, " /zones", " "+zones)
				if strings.HasPrefix(line, "zonegen run ") {
					runExample(t, dir, line)
					return
				}
				run(t, line)
			})
		}
	})
	if ran < 7 {
		t.Errorf("only %d examples were run", ran)
	}
}

// runExample runs a daemon until it has published.
func runExample(t *testing.T, dir, line string) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	// Its port may be taken by somebody else's.
	line = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(line, "127.0.0.1:0")
	cmd := exec.CommandContext(ctx, "bash", "-c", "exec "+line)
	cmd.Dir = dir
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(log.String(), "msg=ready") {
		n, err := stderr.Read(buffer)
		if err != nil {
			t.Fatalf("not ready: %v, %v\n%s", err, cmd.Wait(), log.String())
		}
		log.Write(buffer[:n])
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, log.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "zones", zoneFile)); err != nil {
		t.Error(err)
	}
}

// TestFlagsAreTested makes sure that a script refuses a bad value of every flag.
func TestFlagsAreTested(t *testing.T) {
	var scripts strings.Builder
	for _, name := range []string{"flags", "check", "diff"} {
		text, err := os.ReadFile("testdata/script/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(text)
	}
	commands(func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if !regexp.MustCompile(`(?m)^stderr '\^zonegen: --` + flag.Name + `[ :]`).MatchString(scripts.String()) {
				t.Errorf("no script refuses a bad value of %s --%s", cmd.CommandPath(), flag.Name)
			}
		})
	})
}
