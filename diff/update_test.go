package diff

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

var updates = map[string]struct {
	left, right string
	serial      bool
	want        string // or the error
}{
	"nothing":        {soa, soa, false, ""},
	"a record":       {soa + "a A 10.0.0.1\na A 10.0.0.2\n", soa + "a A 10.0.0.1\na A 10.0.0.3\n", false, "zone example.org.\nupdate delete a.example.org. IN A 10.0.0.2\nupdate add a.example.org. 5 IN A 10.0.0.3\nsend\n"},
	"an RRset":       {soa + "a A 10.0.0.1\n", soa, false, "zone example.org.\nupdate delete a.example.org. IN A\nsend\n"},
	"a CNAME before": {soa + "a CNAME b\n", soa + "a A 10.0.0.1\n", false, "zone example.org.\nupdate delete a.example.org. IN CNAME\nupdate add a.example.org. 5 IN A 10.0.0.1\nsend\n"},
	"TTL of NS":      {soa + "@ NS a\n@ NS b\n", soa + "@ 6 NS a\n@ 6 NS c\n", false, "zone example.org.\nupdate add example.org. 6 IN NS a.example.org.\nupdate add example.org. 6 IN NS c.example.org.\nupdate delete example.org. IN NS b.example.org.\nsend\n"},
	"TTL":            {soa + "a A 10.0.0.1\n", soa + "a 6 A 10.0.0.1\n", false, "zone example.org.\nupdate add a.example.org. 6 IN A 10.0.0.1\nsend\n"},
	"SOA":            {soa, strings.Replace(soa, "7 7200 1800", "3 7200 900", 1), false, "zone example.org.\nupdate add example.org. 5 IN SOA ns.example.org. hostmaster.example.org. 8 7200 900 86400 5\nsend\n"},
	"SOA's mailbox":  {soa, strings.Replace(soa, "hostmaster 7", `a\032b 8`, 1), false, "zone example.org.\nupdate add example.org. 5 IN SOA ns.example.org. a\\ b.example.org. 8 7200 1800 86400 5\nsend\n"},
	"two SOAs":       {soa, soa + strings.Replace(soa, "1800", "900", 1), false, "zone example.org.: one side has several SOA records, which no update makes or removes; mend that zone first (zonegen check tells more)"},
	"serial":         {soa, strings.Replace(soa, " 7 ", " 9 ", 1), true, "zone example.org.\nupdate add example.org. 5 IN SOA ns.example.org. hostmaster.example.org. 9 7200 1800 86400 5\nsend\n"},
	"serial back":    {soa, strings.Replace(soa, " 7 ", " 3 ", 1), true, "zone example.org.: no update turns serial 7 back to 3; leave --serial out"},
	"a new zone":     {"", soa, false, "zone example.org. is there on one side only: no update makes or removes a zone; do it in the server's configuration"},
	"class":          {soa, soa + "a CH TXT x\n", false, "a.example.org. CH TXT: an update is for records of class IN only; change the others by hand"},
}

func TestUpdate(t *testing.T) {
	for name, c := range updates {
		t.Run(name, func(t *testing.T) {
			left, right := parse(t, c.left), parse(t, c.right)
			var out strings.Builder
			err := Update(&out, "example.org.", soaOf(left), soaOf(right), Zones(left, right, c.serial).Changes)
			got := out.String()
			if err != nil {
				got += err.Error()
			}
			if got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func soaOf(records []dns.RR) *dns.SOA {
	for _, rr := range records {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa
		}
	}
	return nil
}

// TestUpdateSize: a message is no larger than nsupdate can send, and all of them
// together hold every record.
func TestUpdateSize(t *testing.T) {
	var text strings.Builder
	text.WriteString(soa)
	long := strings.Repeat("x", 60)
	for i := range 3000 {
		text.WriteString(long + "." + long[:i%50+1] + " AAAA fd00::" + string("0123456789abcdef"[i%16]) + "\n")
	}
	left, right := parse(t, soa), parse(t, text.String())
	changes := Zones(left, right, false).Changes
	var out strings.Builder
	if err := Update(&out, "example.org.", soaOf(left), soaOf(right), changes); err != nil {
		t.Fatal(err)
	}
	messages := strings.SplitAfter(out.String(), "send\n")
	for _, m := range messages {
		if len(m) > 64<<10 {
			t.Errorf("a message of %d bytes", len(m))
		}
	}
	want := 0
	for _, c := range changes {
		want += len(c.Added)
	}
	if got := strings.Count(out.String(), "update add "); got != want || len(messages) < 3 {
		t.Errorf("%d records in %d messages, want %d", got, len(messages)-1, want)
	}
}

// TestUpdateText: data cannot become a command of its own.
func TestUpdateText(t *testing.T) {
	changes := []Change{{Name: "a.example.org.", Type: "TXT", Added: []Record{{5, "\"x\nupdate delete example.org.\""}}}}
	var out strings.Builder
	if err := Update(&out, "example.org.", nil, nil, changes); err == nil || out.Len() > 0 {
		t.Errorf("written: %q, %v", out.String(), err)
	}
}
