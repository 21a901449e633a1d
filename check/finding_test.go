package check

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestFindingIsSafe checks that text from a zone cannot write to the terminal.
func TestFindingIsSafe(t *testing.T) {
	text := "db.\x1b[2J\nx \"\\é\u202e\xff"
	line := Finding{File: text, Line: 3, Rule: RuleName, Name: text, Message: text}.String()
	for _, b := range []byte(line) {
		if b < ' ' || b > '~' {
			t.Fatalf("the byte %#x in %q", b, line)
		}
	}
	if want := `db.\x1b[2J\nx "\\u00e9\u202e\xff:3: name: `; !strings.HasPrefix(line, want) {
		t.Errorf("%s\nwant %s", line, want)
	}
}

// TestManyFindings checks that one wrong option does not make a million lines, and
// that all are counted.
func TestManyFindings(t *testing.T) {
	var b strings.Builder
	for i := range 250 {
		fmt.Fprintf(&b, "s-%d.a.svc 6 A 10.0.0.1\n", i)
	}
	files := sound(t)
	zone, end, _ := strings.Cut(files[forward], "; End")
	lines := strings.Count(zone, "\n")
	files[forward] = zone + "$ORIGIN clusterset.local.\n" + b.String() + "; End" + end
	report := judgeText(t, files)
	if n := len(report.Findings); n != maxListed+1 {
		t.Fatalf("%d findings are listed, want %d", n, maxListed+1)
	}
	last := report.Findings[maxListed]
	if last.Message != "and 150 more findings of this rule" || last.Rule != RuleTTLZone || last.Line != lines+1+maxListed {
		t.Errorf("the last: %s", last)
	}
	if s := report.Zones[0]; s.Findings != 250 {
		t.Errorf("%d findings are counted, want 250", s.Findings)
	}
}

// TestReportAsJSON fixes the form that scripts read.
func TestReportAsJSON(t *testing.T) {
	z, err := Read(strings.NewReader("@ 5 SOA a b 0 7200 1800 86400 5\n"), Source{Name: "db.0.10.in-addr.arpa", Origin: "0.10.in-addr.arpa"})
	if err != nil {
		t.Fatal(err)
	}
	for want, zones := range map[string][]*Zone{
		`{"zones":[],"findings":[]}`: {},
		`{"zones":[{"file":"db.0.10.in-addr.arpa","origin":"0.10.in-addr.arpa.","records":1,"serial":0,"judged":true,"findings":3,"unchecked":0}],` +
			`"findings":[{"file":"db.0.10.in-addr.arpa","line":1,"rule":"ns","name":"0.10.in-addr.arpa.","message":"no NS record at the apex: add one, and the name server's address if it is in the zone"},` +
			`{"file":"db.0.10.in-addr.arpa","line":1,"rule":"serial","name":"0.10.in-addr.arpa.","message":"the serial is 0, which CoreDNS does not load: use 1 or more"},` +
			`{"file":"db.0.10.in-addr.arpa","line":1,"rule":"soa-names","name":"0.10.in-addr.arpa.","message":"the mailbox is b.0.10.in-addr.arpa.: use hostmaster of the zone"}]}`: {z},
	} {
		got, err := json.Marshal(Judge(zones...))
		if err != nil || string(got) != want {
			t.Errorf("%v\n%s\nwant\n%s", err, got, want)
		}
	}
}
