package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/coredns/coredns/coremain"
)

// asCoreDNS is the variable that makes the test binary be CoreDNS.
const asCoreDNS = "TEST_AS_COREDNS"

func TestMain(m *testing.M) {
	if os.Getenv(asCoreDNS) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// command is CoreDNS with these arguments. It is killed when the test ends.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asCoreDNS+"=1")
	return cmd
}

func TestFlags(t *testing.T) {
	for _, test := range []struct{ flag, want string }{
		{"-version", coremain.CoreName + "-" + coremain.CoreVersion + "\n"},
		{"-plugins", strings.Join(registered(), "\n") + "\n"},
	} {
		t.Run(test.flag, func(t *testing.T) {
			out, err := command(t, test.flag).Output()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(out, []byte(test.want)) {
				t.Errorf("got\n%s\nwant\n%s", out, test.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	out, err := command(t, "-help").CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Corefile to load")) {
		t.Errorf("-help: %v\n%s", err, out)
	}
}
