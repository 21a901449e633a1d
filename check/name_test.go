package check

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestWireLength(t *testing.T) {
	for _, name := range []string{".", "a.", "a.b.", `a\.b.`, `\097.b.`, `\\.b.`, `\097\..\..`, strings.Repeat("a", 63) + ".example."} {
		packed := make([]byte, 300)
		want, err := dns.PackDomainName(name, packed, 0, nil, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := wireLength(name); got != want {
			t.Errorf("%s: %d octets, want %d", name, got, want)
		}
	}
}

func TestOriginOf(t *testing.T) {
	for base, want := range map[string]string{
		"db.clusterset.local": "clusterset.local.", "db.Clusterset.LOCAL": "clusterset.local.", "db.10.in-addr.arpa": "10.in-addr.arpa.",
		"db.clusterset.local.signed": "clusterset.local.", "db.local.": "local.", "db.": "", "db.a..b": "", "db.*.b": "", "clusterset.local": "", ".db.a": "", "db.a.tmp~": "",
	} {
		if got := originOf(base); got != want {
			t.Errorf("%s: %q, want %q", base, got, want)
		}
	}
}

func TestReverseAddress(t *testing.T) {
	for name, want := range map[string]string{
		"1.2.3.10.in-addr.arpa.": "10.3.2.1", "0.0.0.0.in-addr.arpa.": "0.0.0.0", "255.255.255.255.in-addr.arpa.": "255.255.255.255",
		"01.2.3.10.in-addr.arpa.": "", "256.2.3.10.in-addr.arpa.": "", "2.3.10.in-addr.arpa.": "", "0.1.2.3.10.in-addr.arpa.": "", "x.2.3.10.in-addr.arpa.": "",
		"+1.2.3.10.in-addr.arpa.": "", "1_0.2.3.10.in-addr.arpa.": "", "in-addr.arpa.": "", "1.2.3.10.": "",
		"1." + strings.Repeat("0.", 28) + "0.d.f.ip6.arpa.": "fd00::1", strings.Repeat("f.", 32) + "ip6.arpa.": "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		strings.Repeat("F.", 32) + "ip6.arpa.": "", strings.Repeat("f.", 31) + "ip6.arpa.": "", strings.Repeat("f.", 33) + "ip6.arpa.": "",
		strings.Repeat("ff", 16) + strings.Repeat("f.", 16) + "ip6.arpa.": "", "ip6.arpa.": "",
	} {
		a, ok := ReverseAddress(name)
		if !ok && want == "" {
			continue
		}
		if ok != (want != "") || a != netip.MustParseAddr(want) {
			t.Errorf("%s: %v %v, want %q", name, a, ok, want)
		}
	}
}
