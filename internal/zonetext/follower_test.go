package zonetext

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// texts are zone files, most with a line that is or is not a $GENERATE.
var texts = []string{
	"$GENERATE 1-2 x$ A 10.0.0.1\n", "$generate 1-2 x$ A 10.0.0.1", "$TTL 5\n$GENERATE\t1-2 x$ A 10.0.0.1\n",
	"\r$GENERATE 1-2 x$ A 10.0.0.1\n", "$GEN\rERATE 1-2 x$ A 10.0.0.1\n", "()$GENERATE 1-2 x$ A 10.0.0.1\n", "$GEN()ERATE 1-2 x$ A 10.0.0.1\n",
	"($GENER\r\nATE ) 1-2 x$ A 10.0.0.1\n", "(;)\n$\r(GENERATE 1-2 x$ A 10.0.0.1))\n", "($GEN;comment\nERATE 1-2 x$ A 10.0.0.1)\n",
	"a 5 A 10.0.0.1\n$GENERATE 1-2 x$ A 10.0.0.1", "5(;c\n$GENERATE 1-2 x$ A 10.0.0.1\n)", "\\$GENERATE 1-2 A 10.0.0.1", "@ 5 TXT a(\n$GENERATE 1-2 x$ A 10.0.0.1",
	"@ 5 TXT \"\n$GENERATE 1-2 x$ A 10.0.0.1\"\n", "; $GENERATE 1-2 x$ A 10.0.0.1\n", " $GENERATE 1-2 x$ A 10.0.0.1\n", "$GENERATED 1\n", "$GENERATE",
	"a 5 A 10.0.0.1 ; (\n$GENERATE 1-2 x$ A 10.0.0.1\n", "a 5 TXT \\\"\n$GENERATE 1-2 x$ A 10.0.0.1\n", "$ORIGIN a.\n\n\n$GENERATE 1-2 x$ A 10.0.0.1\n",
}

// Without finding a $GENERATE, the parser makes no record of one.
func TestFollower(t *testing.T) {
	for _, text := range texts {
		agrees(t, text)
	}
}

// What is counted is an entry, or a line outside of one.
func TestLength(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "a": 1, "a 5 TXT b\n": 0, "\n\nab": 2, "; comment": 9, "(\n\n": 3, "a\n\"\n\n": 3, "(\n)\nab": 2, "(;\n": 3,
	} {
		var f Follower
		for i := range len(text) {
			f.Next(text[i])
		}
		if got := f.Length(); got != want {
			t.Errorf("%q: %d octets, not %d", text, got, want)
		}
	}
}

func FuzzFollower(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Count(strings.ToUpper(text), "GENERATE") < 4 {
			agrees(t, text)
		}
	})
}

// agrees compares with the parser: it makes a record only at the end of an entry, so the
// one of a $GENERATE that was not found is told by its owner, which has no dollar sign.
func agrees(t *testing.T, text string) {
	t.Helper()
	var f Follower
	for i := range len(text) {
		if f.Next(text[i]) == Generate {
			return
		}
	}
	zp := dns.NewZoneParser(strings.NewReader(text), "example.", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		if owner := rr.Header().Name; owner == "x1.example." || owner == "x2.example." {
			t.Errorf("%q makes %s", text, rr)
		}
	}
	if err := zp.Err(); err != nil && strings.Contains(err.Error(), "in $GENERATE") {
		t.Errorf("%q is read as a $GENERATE: %v", text, err)
	}
}
