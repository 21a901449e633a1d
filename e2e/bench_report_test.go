package e2e

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// finding is one line of the results: our figure, the peer's, and what one is of the other.
type finding struct {
	what, peer  string
	ours, their string // the figures, with units
	ratios      []float64
	pooled      float64 // the ratio of all rounds together; 0 for the median of ratios
	atLeast     float64 // what the ratio must reach, or
	atMost      float64 // must not exceed; neither: it is told for information
	note        string
}

// ratio is what counts.
func (f *finding) ratio() float64 {
	if f.pooled != 0 {
		return f.pooled
	}
	return median(f.ratios)
}

// verdict is whether the ratio is as it must be.
func (f *finding) verdict() string {
	switch {
	case f.atLeast == 0 && f.atMost == 0:
		return ""
	case f.atLeast != 0 && f.ratio() >= f.atLeast, f.atMost != 0 && f.ratio() <= f.atMost:
		return "✓"
	}
	return "✗"
}

func (f *finding) target() string {
	switch {
	case f.atLeast != 0:
		return "≥ " + short(f.atLeast)
	case f.atMost != 0:
		return "≤ " + short(f.atMost)
	}
	return ""
}

// spread is the least and the greatest ratio of a round.
func (f *finding) spread() string {
	if len(f.ratios) < 2 {
		return ""
	}
	return short(slices.Min(f.ratios)) + "–" + short(slices.Max(f.ratios))
}

// report is all that was found.
type report struct {
	began    time.Time
	load     string // of the machine, when it began
	findings []finding
	wrong    []string // rows that could not be measured
}

func newReport(t testing.TB) *report {
	t.Helper()
	return &report{began: time.Now(), load: proc(t, "loadavg", `(\S+ \S+ \S+)`)}
}

// found takes in a finding and tells of it.
func (r *report) found(f finding) {
	r.findings = append(r.findings, f)
	progress("  %s vs %s: %s, %s: %s× (%s) %s %s", f.what, f.peer, f.ours, f.their, short(f.ratio()), f.spread(), f.target(), f.verdict())
}

func (r *report) failed(row string) { r.wrong = append(r.wrong, row) }

// print writes the table of ratios.
func (r *report) print(w io.Writer) {
	fmt.Fprint(w, "\n"+r.table())
}

func (r *report) table() string {
	rows := [][]string{{"what", "ours", "peer", "its figure", "ratio", "spread", "must be", ""}}
	for i := range r.findings {
		f := &r.findings[i]
		rows = append(rows, []string{f.what, f.ours, f.peer, f.their, short(f.ratio()), f.spread(), f.target(), f.verdict()})
	}
	for _, row := range r.wrong {
		rows = append(rows, []string{row, "", "", "", "", "", "", "✗ could not be measured"})
	}
	return markdown(rows)
}

// markdown writes a table whose columns are aligned, so that it can be read as it is.
func markdown(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	line := func(cells []string, fill string) {
		for i, cell := range cells {
			fmt.Fprintf(&b, "|%s%s%s", fill, cell, strings.Repeat(fill, widths[i]-len([]rune(cell))+1))
		}
		b.WriteString("|\n")
	}
	line(rows[0], " ")
	line(make([]string, len(widths)), "-")
	for _, row := range rows[1:] {
		line(row, " ")
	}
	return b.String()
}

// write writes the results as a document.
func (r *report) write(b *testing.B, file string, quick bool) error {
	var text strings.Builder
	command := "make bench"
	if quick {
		command = "make bench-quick"
	}
	fmt.Fprintf(&text, benchDocument, command, r.began.UTC().Format("2 January 2006, 15:04 UTC"),
		time.Since(r.began).Round(time.Second), r.table(), r.notes(), markdown(surroundings(b, r.load)))
	return os.WriteFile(file, []byte(text.String()), 0o644)
}

// notes are the remarks of the findings.
func (r *report) notes() string {
	var b strings.Builder
	for _, f := range r.findings {
		if f.note != "" {
			fmt.Fprintf(&b, "- %s, vs %s: %s\n", f.what, f.peer, f.note)
		}
	}
	return b.String()
}

// benchDocument is the text around the results.
const benchDocument = `# Results

Written by %[1]s, %[2]s, in %[3]s. Edits are lost.

Each ratio is our figure to the peer's in the same run: ✓ where it is as it must be, ✗ where not. The ratio is the median
of the rounds, or that of all rounds together for latencies; the spread is that of the rounds. Where nothing must be, the
line is there for comparison.

%[4]s
%[5]s
## How

- Clustersets are made by internal/synthetic with a fixed seed: 64,000 records are 800 ClusterSetIP services with 2 ports
  and 200 headless ones with 50 endpoints in 2 clusters and 2 ports; 1,000,000 records are 20,000 services in the same
  mix with 40 endpoints. They live in a real kube-apiserver with etcd on the same machine.
- Both sides are measured in turn, round by round, never at the same time, and but for queries per second on processes
  that were started for the round. A machine that does something else meanwhile (see its load below) makes figures
  worse and spreads wide.
- The zone folder is on tmpfs. zonegen runs with its defaults, reverse zones and --min-interval 100ms among them, unless
  a line says otherwise. A server block has the plugin that is measured, bind and errors.
- Queries per second: dnsperf on one core, the server on another (taskset), so that the server alone is the bottleneck and
  the ratio is that of its work for each query. Half of the queries have EDNS; a quarter has NXDOMAIN for an answer.
- Latency: from the API server's answer to an update until the new answer is in DNS, which one client asks for without
  pause. Half of the updates change an endpoint of a headless service, half the address of a ClusterSetIP service, each
  after a quiet of at least --min-interval since the change before was served.
- A storm: 1,000 changes of EndpointSlices, 40 of them, 25 endpoints each, from 8 clients without pause.
- RSS is VmRSS after the clusterset was loaded, 100 changes were served and 20 seconds passed (40 and 10 in
  bench-quick); peaks are VmHWM.
- During reloads: a change each 100 ms, as zonegen's --min-interval has it, or as soon as the change before is served;
  dnsperf asks 1,000 queries per second and tells the latency of each.

## Where

%[6]s`

// short writes a ratio with as many digits as mean something.
func short(x float64) string {
	switch {
	case math.IsNaN(x):
		return "?"
	case math.Abs(x) >= 100:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 10:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}
