package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"
)

// dnsperf asks the mix of queries that a clusterset is asked.
type dnsperf struct {
	path  string
	input string // the queries, as they go over TCP
}

func newDnsperf(t testing.TB, services []zone.Service) *dnsperf {
	t.Helper()
	var wire []byte
	for _, query := range synthetic.Queries(services, clusterset, 100_000, benchSeed) {
		packed, err := query.Pack()
		if err != nil {
			t.Fatal(err)
		}
		wire = append(binary.BigEndian.AppendUint16(wire, uint16(len(packed))), packed...)
	}
	d := &dnsperf{path: tool(t, "dnsperf", "dnsperf"), input: filepath.Join(t.TempDir(), "queries")}
	if err := os.WriteFile(d.input, wire, 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// load is what came of as many queries as a server takes.
type load struct {
	perSecond float64
	codes     string // shares of the response codes
}

var (
	dnsperfRate  = regexp.MustCompile(`Queries per second:\s+([0-9.]+)`)
	dnsperfLost  = regexp.MustCompile(`Queries lost:\s+\d+ \(([0-9.]+)%\)`)
	dnsperfCodes = regexp.MustCompile(`Response codes:\s+(.*)`)
	dnsperfEach  = regexp.MustCompile(`(?m)^> \S+ .* ([0-9.]+)$`)
)

// saturate asks as much as the server answers, from a core of its own.
func (d *dnsperf) saturate(t testing.TB, port int, during time.Duration) load {
	t.Helper()
	out := d.run(t, exec.Command(tool(t, "taskset", "util-linux"), "-c", clientCore, d.path, "-s", "127.0.0.1", "-p", strconv.Itoa(port),
		"-d", d.input, "-B", "-l", fmt.Sprint(during.Seconds()), "-c", "8", "-T", "1", "-q", "100"))
	var l load
	l.perSecond = number(t, dnsperfRate, out)
	if lost := number(t, dnsperfLost, out); lost > 0.1 {
		t.Fatalf("dnsperf has lost %v%% of the queries:\n%s", lost, out)
	}
	l.codes = string(regexp.MustCompile(`\s*\d+ \(`).ReplaceAll(dnsperfCodes.FindSubmatch(out)[1], []byte(" (")))
	return l
}

// latencies asks at a fixed rate and returns how long each answer took.
func (d *dnsperf) latencies(t testing.TB, port, perSecond int, during time.Duration) []time.Duration {
	t.Helper()
	out := d.run(t, exec.Command(d.path, "-s", "127.0.0.1", "-p", strconv.Itoa(port), "-d", d.input, "-B", "-v",
		"-l", fmt.Sprint(during.Seconds()), "-Q", strconv.Itoa(perSecond), "-c", "1", "-T", "1"))
	var took []time.Duration
	for _, match := range dnsperfEach.FindAllSubmatch(out, -1) {
		seconds, err := strconv.ParseFloat(string(match[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, time.Duration(seconds*float64(time.Second)))
	}
	if want := int(during.Seconds() * float64(perSecond)); len(took) < want*9/10 {
		t.Fatalf("dnsperf tells of %d queries, not %d:\n%s", len(took), want, tailOf(out))
	}
	return took
}

func (d *dnsperf) run(t testing.TB, cmd *exec.Cmd) []byte {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("dnsperf: %v\n%s", err, tailOf(out))
	}
	return out
}

// tailOf is the end of what a program printed.
func tailOf(out []byte) []byte { return out[max(0, len(out)-2000):] }

func number(t testing.TB, pattern *regexp.Regexp, text []byte) float64 {
	t.Helper()
	match := pattern.FindSubmatch(text)
	if match == nil {
		t.Fatalf("no %s in\n%s", pattern, text)
	}
	x, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
