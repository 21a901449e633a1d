package e2e

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// dig has the real dig ask the server on a port of 127.0.0.1 and returns the answer: rcode, flags and the records of
// its sections. The arguments are dig's own, as in
//
//	dig(t, port, "web.shop.svc.clusterset.local", "SRV", "+tcp")
//
// A zone transfer is one message with the records of all. Like dig, it asks again by TCP what was truncated by UDP,
// unless it is told to "+ignore". No answer fails the test.
func dig(t testing.TB, port int, args ...string) *dns.Msg {
	t.Helper()
	answer, err := tryDig(t, port, args...)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// tryDig is dig for conditions: no answer is an error.
func tryDig(t testing.TB, port int, args ...string) (*dns.Msg, error) {
	t.Helper()
	// -r: without the user's .digrc.
	all := append([]string{"-r", "@127.0.0.1", "-p", strconv.Itoa(port), "+yaml", "+time=5", "+tries=1"}, args...)
	out, err := exec.Command(tool(t, "dig", "bind9-dnsutils"), all...).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("dig %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	answer, err := parseDig(out)
	if err != nil {
		return nil, fmt.Errorf("dig %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return answer, nil
}
