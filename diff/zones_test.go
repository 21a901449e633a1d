package diff

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// parse reads records relative to example.org, with a TTL of 5 where they have none.
func parse(t *testing.T, text string) []dns.RR {
	t.Helper()
	var all []dns.RR
	zp := dns.NewZoneParser(strings.NewReader("$TTL 5\n"+text), "example.org.", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		all = append(all, rr)
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// show writes changes as lines.
func show(changes []Change) string {
	var b strings.Builder
	for _, c := range changes {
		for _, r := range c.Removed {
			fmt.Fprintf(&b, "-%s %d %s %s\n", c.Name, r.TTL, c.Type, r.Data)
		}
		for _, r := range c.Added {
			fmt.Fprintf(&b, "+%s %d %s %s\n", c.Name, r.TTL, c.Type, r.Data)
		}
	}
	return b.String()
}

const soa = "@ SOA ns hostmaster 7 7200 1800 86400 5\n"

var comparisons = map[string]struct {
	left, right string
	serial      bool
	want        string
}{
	"nothing":          {"", "", false, ""},
	"order":            {"a A 10.0.0.1\na A 10.0.0.2\nb A 10.0.0.3", "b A 10.0.0.3\na A 10.0.0.2\na A 10.0.0.1", false, ""},
	"case of names":    {"A SRV 0 1 80 TARGET\n", "a SRV 0 1 80 target\n", false, ""},
	"case of text":     {"a TXT Word\n", "a TXT word\n", false, "-a.example.org. 5 TXT \"Word\"\n+a.example.org. 5 TXT \"word\"\n"},
	"spelling":         {`a TXT "\065"` + "\na AAAA fd00:0:0::1", "a TXT A\na AAAA fd00::1", false, ""},
	"escapes":          {`\097bc NS dollar\$` + "\n" + `m MX 1 \109ail` + "\n" + `x.y\.z SRV 0 1 80 a@b`, `abc NS dollar$` + "\nm MX 1 mail\n" + `x.y\046z SRV 0 1 80 a\@b`, false, ""},
	"escaped dot":      {`a NS b\.c`, `a NS b.c`, false, "-a.example.org. 5 NS b\\.c.example.org.\n+a.example.org. 5 NS b.c.example.org.\n"},
	"known as unknown": {`a TYPE1 \# 4 0A000001`, "a A 10.0.0.1", false, ""},
	"duplicates":       {"a A 10.0.0.1\na A 10.0.0.1\n", "a A 10.0.0.1\n", false, ""},
	"a record":         {"a A 10.0.0.1\na A 10.0.0.2\n", "a A 10.0.0.1\na A 10.0.0.3\n", false, "-a.example.org. 5 A 10.0.0.2\n+a.example.org. 5 A 10.0.0.3\n"},
	"TTL":              {"a 5 A 10.0.0.1\n", "a 6 A 10.0.0.1\n", false, "-a.example.org. 5 A 10.0.0.1\n+a.example.org. 6 A 10.0.0.1\n"},
	"one side only":    {"b A 10.0.0.1\n", "a AAAA fd00::1\n", false, "+a.example.org. 5 AAAA fd00::1\n-b.example.org. 5 A 10.0.0.1\n"},
	"canonical order":  {"", "z A 10.0.0.1\na.b A 10.0.0.1\nb A 10.0.0.1\n", false, "+b.example.org. 5 A 10.0.0.1\n+a.b.example.org. 5 A 10.0.0.1\n+z.example.org. 5 A 10.0.0.1\n"},
	"serial":           {soa, strings.Replace(soa, " 7 ", " 8 ", 1), false, ""},
	"serial asked for": {soa, strings.Replace(soa, " 7 ", " 8 ", 1), true, "-example.org. 5 SOA ns.example.org. hostmaster.example.org. 7 7200 1800 86400 5\n+example.org. 5 SOA ns.example.org. hostmaster.example.org. 8 7200 1800 86400 5\n"},
	"SOA":              {soa, strings.Replace(soa, "1800", "900", 1), false, "-example.org. 5 SOA ns.example.org. hostmaster.example.org. SERIAL 7200 1800 86400 5\n+example.org. 5 SOA ns.example.org. hostmaster.example.org. SERIAL 7200 900 86400 5\n"},
	"signatures":       {"a A 10.0.0.1\n", "a A 10.0.0.1\na NSEC b A NSEC\n", false, ""},
	"DS":               {"a DS 1 8 2 00\n", "a DS 2 8 2 00\n", false, "-a.example.org. 5 DS 1 8 2 00\n+a.example.org. 5 DS 2 8 2 00\n"},
	"class":            {"a A 10.0.0.1\n", "a CH TXT x\na A 10.0.0.1", false, "+a.example.org. 5 CH TXT \"x\"\n"},
	"unknown type":     {`a TYPE65280 \# 1 01`, `a TYPE65280 \# 1 02`, false, "-a.example.org. 5 TYPE65280 \\# 1 01\n+a.example.org. 5 TYPE65280 \\# 1 02\n"},
}

func TestZones(t *testing.T) {
	for name, c := range comparisons {
		t.Run(name, func(t *testing.T) {
			if got := show(Zones(parse(t, c.left), parse(t, c.right), c.serial).Changes); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

// TestApply changes random zones: what Zones says of two turns one into the other,
// and the way back is the same with the signs exchanged.
func TestApply(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	random := func() map[string]bool {
		lines := map[string]bool{}
		for range rng.IntN(40) {
			owner := fmt.Sprintf("%c.example.org.", 'a'+rune(rng.IntN(4)))
			line := fmt.Sprintf("%s %d A 10.0.0.%d", owner, 5+rng.IntN(2), rng.IntN(5))
			if rng.IntN(2) == 0 {
				line = fmt.Sprintf("%s 5 SRV 0 1 %d t.example.org.", owner, rng.IntN(5))
			}
			lines[line] = true
		}
		return lines
	}
	text := func(lines map[string]bool) string {
		var b strings.Builder
		for line := range lines {
			b.WriteString(line + "\n")
		}
		return b.String()
	}
	for range 500 {
		left, right := random(), random()
		l, r := parse(t, text(left)), parse(t, text(right))
		there, back := show(Zones(l, r, false).Changes), Zones(r, l, false).Changes
		for line := range strings.Lines(there) {
			record := strings.TrimSpace(line[1:])
			if has := left[record]; has != (line[0] == '-') {
				t.Fatalf("%s although the left zone has: %t", line, has)
			}
			if line[0] == '-' {
				delete(left, record)
			} else {
				left[record] = true
			}
		}
		if len(left) != len(right) {
			t.Fatalf("%v is not %v after\n%s", left, right, there)
		}
		for line := range left {
			if !right[line] {
				t.Fatalf("%s is left over after\n%s", line, there)
			}
		}
		for i, c := range back {
			back[i].Removed, back[i].Added = c.Added, c.Removed
		}
		if got := show(back); got != there {
			t.Fatalf("the way there:\n%s\nand back:\n%s", there, got)
		}
	}
}
