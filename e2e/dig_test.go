package e2e

import (
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// testZone is served by serveDNS.
var testZone = []string{
	"example.org. 30 IN SOA ns.example.org. hostmaster.example.org. 7 1 2 3 4",
	"_sql._tcp.db.example.org. 5 IN SRV 0 50 5432 db-0.example.org.",
	`txt.example.org. 5 IN TXT "a  b" "c\"d;\\ : 'e'" "\195\164"`,
}

// serveDNS answers questions of any kind at a port of 127.0.0.1 with records that show what dig does with them.
func serveDNS(t *testing.T) (port int) {
	t.Helper()
	var zone []dns.RR
	for _, line := range testZone {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		zone = append(zone, rr)
	}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		answer := new(dns.Msg).SetReply(query)
		_, udp := w.RemoteAddr().(*net.UDPAddr)
		switch name := query.Question[0].Name; {
		case name == "refused.example.":
			answer.Rcode = dns.RcodeRefused
		case query.Question[0].Qtype == dns.TypeAXFR:
			first := new(dns.Msg).SetReply(query)
			first.Answer = slices.Clone(zone)
			_ = w.WriteMsg(first)
			answer.Answer = slices.Clone(zone[:1])
		case name == "large.example." && udp:
			answer.Truncated = true
		case name == "none.example.":
			answer.Authoritative = true
			answer.Rcode = dns.RcodeNameError
			answer.Ns = slices.Clone(zone[:1])
		default:
			answer.Authoritative = true
			answer.Answer = slices.Clone(zone[1:])
			answer.Extra = slices.Clone(zone[1:2])
		}
		if edns := query.IsEdns0(); edns != nil {
			answer.SetEdns0(1232, edns.Do())
		}
		_ = w.WriteMsg(answer)
	})
	port = freePort(t)
	for _, network := range []string{"udp", "tcp"} {
		started := make(chan struct{})
		server := &dns.Server{
			Addr: loopback(port), Net: network, Handler: handler,
			NotifyStartedFunc: func() { close(started) },
		}
		ended := make(chan error, 1)
		go func() { ended <- server.ListenAndServe() }()
		select {
		case <-started:
		case err := <-ended:
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Shutdown(); err != nil {
				t.Error(err)
			}
		})
	}
	return port
}

func TestDig(t *testing.T) {
	port := serveDNS(t)
	for _, network := range []string{"+notcp", "+tcp"} {
		answer := dig(t, port, "db.example.org", "SRV", network)
		if answer.Rcode != dns.RcodeSuccess || !answer.Response || !answer.Authoritative || answer.Truncated ||
			!answer.RecursionDesired || answer.RecursionAvailable {
			t.Errorf("%s: header is %v", network, answer.MsgHdr)
		}
		question := dns.Question{Name: "db.example.org.", Qtype: dns.TypeSRV, Qclass: dns.ClassINET}
		if len(answer.Question) != 1 || answer.Question[0] != question {
			t.Errorf("%s: the question is %v", network, answer.Question)
		}
		if got := texts(answer.Answer); !reflect.DeepEqual(got, wantTexts(1, 2)) {
			t.Errorf("%s: the answer is %q, want %q", network, got, wantTexts(1, 2))
		}
		if srv, ok := answer.Answer[0].(*dns.SRV); !ok || srv.Port != 5432 {
			t.Errorf("%s: %v is not the SRV record", network, answer.Answer[0])
		}
		if edns := answer.IsEdns0(); edns == nil || edns.UDPSize() != 1232 || edns.Do() {
			t.Errorf("%s: EDNS is %v", network, edns)
		}
		if got := texts(answer.Extra[:1]); !reflect.DeepEqual(got, wantTexts(1)) {
			t.Errorf("%s: the additional section is %q", network, answer.Extra)
		}
	}

	answer := dig(t, port, "none.example", "+dnssec", "+norecurse")
	if answer.Rcode != dns.RcodeNameError || len(answer.Answer) != 0 || answer.RecursionDesired {
		t.Errorf("NXDOMAIN is %v", answer)
	}
	if got := texts(answer.Ns); !reflect.DeepEqual(got, wantTexts(0)) {
		t.Errorf("the authority section is %q", got)
	}
	if edns := answer.IsEdns0(); edns == nil || !edns.Do() {
		t.Errorf("EDNS is %v", edns)
	}
	if edns := dig(t, port, "none.example", "+noedns").IsEdns0(); edns != nil {
		t.Errorf("there is EDNS: %v", edns)
	}
}

func TestDigTruncated(t *testing.T) {
	port := serveDNS(t)
	if answer := dig(t, port, "large.example", "+ignore"); !answer.Truncated || len(answer.Answer) != 0 {
		t.Errorf("by UDP alone it is %v", answer)
	}
	if answer := dig(t, port, "large.example"); answer.Truncated || len(answer.Answer) != 2 || len(answer.Question) != 1 {
		t.Errorf("with a retry by TCP it is %v", answer)
	}
}

func TestDigTransfer(t *testing.T) {
	port := serveDNS(t)
	answer := dig(t, port, "example.org", "AXFR")
	if answer.Rcode != dns.RcodeSuccess || !reflect.DeepEqual(texts(answer.Answer), wantTexts(1, 0, 0, 2)) {
		t.Errorf("the transfer is %v", answer)
	}
	if answer := dig(t, port, "refused.example", "AXFR"); answer.Rcode != dns.RcodeRefused || len(answer.Answer) != 0 {
		t.Errorf("the refused transfer is %v", answer)
	}
}

func TestDigWithoutServer(t *testing.T) {
	port := freePort(t)
	for _, network := range []string{"+notcp", "+tcp"} {
		if _, err := tryDig(t, port, "example.org", network); err == nil || !strings.Contains(err.Error(), "no servers could be reached") {
			t.Errorf("%s: got %v", network, err)
		}
	}
}

func TestResolver(t *testing.T) {
	port := serveDNS(t)
	for _, network := range []string{"udp", "tcp"} {
		r := newResolver(t, network, port)
		for range 100 {
			if got := texts(r.ask("db.example.org.", dns.TypeSRV).Answer); !reflect.DeepEqual(got, wantTexts(1, 2)) {
				t.Fatalf("%s: the answer is %q", network, got)
			}
		}
		if answer := r.ask("large.example.", dns.TypeA); answer.Truncated != (network == "udp") {
			t.Errorf("%s: %v", network, answer)
		}
	}
}

// wantTexts are lines of testZone as texts writes them.
func wantTexts(lines ...int) []string {
	var zone []dns.RR
	for _, i := range lines {
		rr, err := dns.NewRR(testZone[i])
		if err != nil {
			panic(err)
		}
		zone = append(zone, rr)
	}
	return texts(zone)
}
