package multicluster

import (
	"fmt"
	"strings"
	"testing"
	"time"

	_ "github.com/coredns/coredns/plugin/tsig"

	"github.com/miekg/dns"
)

const (
	keyName   = "transfer."
	keySecret = "ZXhhbXBsZS1vbmx5LWRvLW5vdC11c2UtdGhpcy1rZXk="
)

// transferring is a server that transfers its zone to anybody, signed to who signs.
const transferring = `clusterset.local:0 {
	bind 127.0.0.1
	tsig {
		secret ` + keyName + ` ` + keySecret + `
	}
	transfer {
		to *
	}
	multicluster {
		directory DIR
	}
}`

// octetsOf is how large records of a zone file are, uncompressed.
func octetsOf(t testing.TB, lines ...string) (octets int) {
	t.Helper()
	zp := dns.NewZoneParser(strings.NewReader(strings.Join(lines, "\n")+"\n"), clusterset, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		octets += dns.Len(rr)
	}
	must(t, zp.Err())
	return octets
}

// filling is records that together have so many octets.
func filling(t testing.TB, octets int) (lines []string) {
	t.Helper()
	for i := 0; octets > 700; i++ {
		line := fmt.Sprintf("h%d.a.b.svc 5 IN A 192.0.2.%d", i, i%256)
		octets -= octetsOf(t, line)
		lines = append(lines, line)
	}
	text := func(left int) string {
		line := "text.a.b.svc 5 IN TXT"
		for range 2 {
			line += " " + strings.Repeat("x", 200)
		}
		return line + " " + strings.Repeat("y", left)
	}
	left := octets - octetsOf(t, text(1)) + 1
	if left < 1 || left > 255 {
		t.Fatalf("%d octets are left for a string", left)
	}
	return append(lines, text(left))
}

// messages transfers a zone and returns how many records each message has.
func (s *server) messages(t testing.TB, r *dns.Msg) (records []int) {
	t.Helper()
	conn, err := dns.DialTimeout("tcp", s.tcp, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	must(t, conn.WriteMsg(r))
	for soas := 0; soas < 2; {
		m, err := conn.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		if m.Rcode != dns.RcodeSuccess || !m.Authoritative || m.Id != r.Id || len(m.Answer) == 0 {
			t.Fatalf("message %d: %v", len(records)+1, m.MsgHdr)
		}
		if m.Answer[0].Header().Rrtype == dns.TypeSOA {
			soas++ // at both ends of the transfer; those of a difference stand further inside
		}
		if last := m.Answer[len(m.Answer)-1]; len(m.Answer) > 1 && last.Header().Rrtype == dns.TypeSOA {
			soas++
		}
		records = append(records, len(m.Answer))
	}
	return records
}

// signedTransfer returns the records of a transfer, each message of which must be signed.
func (s *server) signedTransfer(t testing.TB, r *dns.Msg) []dns.RR {
	t.Helper()
	r.SetTsig(keyName, dns.HmacSHA256, 300, time.Now().Unix())
	return s.transfer(t, &dns.Transfer{TsigSecret: map[string]string{keyName: keySecret}}, r)
}

// transfer returns the records of a transfer.
func (s *server) transfer(t testing.TB, by *dns.Transfer, r *dns.Msg) (all []dns.RR) {
	t.Helper()
	channel, err := by.In(r, s.tcp)
	if err != nil {
		t.Fatal(err)
	}
	for envelope := range channel {
		if envelope.Error != nil {
			t.Fatal(envelope.Error)
		}
		all = append(all, envelope.RR...)
	}
	return all
}

// TestClosingSOA transfers zones, and differences, whose closing SOA record comes to
// stand alone in the last message, or not quite.
func TestClosingSOA(t *testing.T) {
	soa := octetsOf(t, "@ 5 IN SOA ns.dns hostmaster 1 7200 1800 86400 5")
	apex := []string{"@ 5 IN NS ns.dns", "ns.dns 5 IN A 127.0.0.1"}
	for _, kind := range []string{"whole", "whole, from CoreDNS' file package", "difference"} {
		for _, test := range []struct {
			octets int // without the closing SOA record
			last   int // records in the last message; 0: there is one message only
		}{
			{messageSize - soa, 0},
			{messageSize - soa + 1, 1},
			{messageSize, 1},
			{messageSize + 1, 2},
		} {
			t.Run(fmt.Sprint(kind, " ", test.octets), func(t *testing.T) {
				dir := t.TempDir()
				ask := func() *dns.Msg { return new(dns.Msg).SetAxfr(clusterset) }
				var lines []string
				switch kind {
				case "whole":
					lines = filling(t, test.octets-soa-octetsOf(t, apex...))
				case "whole, from CoreDNS' file package":
					alias := "c 5 IN CNAME d"
					lines = append(filling(t, test.octets-soa-octetsOf(t, append(apex, alias)...)), alias)
				default:
					lines = filling(t, test.octets-3*soa)
					ask = func() *dns.Msg {
						return new(dns.Msg).SetIxfr(clusterset, 2, "ns.dns."+clusterset, "hostmaster."+clusterset)
					}
				}
				put(t, dir, fileOf(clusterset), zoneFile(clusterset, 1))
				s := serverOn(t, dir, transferring)
				for _, v := range []struct {
					serial uint32
					lines  []string
				}{{2, nil}, {3, lines}} {
					put(t, dir, fileOf(clusterset), zoneFile(clusterset, v.serial, v.lines...))
					until(t, "the version is served", func() bool {
						return s.ask(t, clusterset, dns.TypeSOA).Answer[0].(*dns.SOA).Serial == v.serial
					})
				}
				got := s.messages(t, ask())
				if test.last == 0 && len(got) != 1 || test.last > 0 && (len(got) != 2 || got[1] != test.last) {
					t.Errorf("there are %d records in each message", got)
				}
				signed := s.signedTransfer(t, ask())
				want := len(lines) + 4
				if len(signed) != want || serialOf(t, signed[0]) != 3 || serialOf(t, signed[want-1]) != 3 {
					t.Errorf("%d records, not %d", len(signed), want)
				}
			})
		}
	}
}
