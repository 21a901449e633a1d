package explain

import (
	"net"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// TestReferral: name servers in place of an answer do not mean that there are no data;
// with the SOA they do.
func TestReferral(t *testing.T) {
	const ns, soa = "clusterset.local. 5 NS ns.example.", "clusterset.local. 5 SOA ns.example. h.example. 1 2 3 4 5"
	for authority, want := range map[string]Verdict{ns: referral, soa: NoData, ns + "\n" + soa: NoData, "": NoData} {
		address := serve(t, authority)
		a, err := explainer(t, zone.Options{TTL: 5}, state).Explain("red." + z)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Ask(t.Context(), address); err != nil {
			t.Fatal(err)
		}
		for _, got := range a.Server.Answers {
			if got.Verdict != want || got.Agrees != (want == NoData) {
				t.Errorf("%q: %+v, want %s", authority, got, want)
			}
		}
	}
}

// serve answers each query with these records in the authority section.
func serve(t *testing.T, authority string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	records := parse(t, authority)
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		m := new(dns.Msg).SetReply(query)
		m.Ns = records
		_ = w.WriteMsg(m) // the client misses it
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.ActivateAndServe() // the client misses its answers
	}()
	t.Cleanup(func() {
		_ = conn.Close() // ends the server
		<-done
	})
	return conn.LocalAddr().String()
}

func parse(t *testing.T, text string) []dns.RR {
	t.Helper()
	var all []dns.RR
	for line := range strings.Lines(text) {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rr)
	}
	return all
}
