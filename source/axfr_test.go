package source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func rr(t *testing.T, text string) dns.RR {
	t.Helper()
	r, err := dns.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// serve answers transfers on 127.0.0.1 until the test ends, and returns the place.
func serve(t *testing.T, answer dns.HandlerFunc, keys map[string]string) Place {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: answer, TsigSecret: keys}
	ended := make(chan error)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		_ = server.ShutdownContext(t.Context())
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	p, err := Parse("@" + listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// send answers with messages of these records.
func send(messages ...[]dns.RR) dns.HandlerFunc {
	return func(w dns.ResponseWriter, query *dns.Msg) {
		for _, records := range messages {
			m := new(dns.Msg).SetReply(query)
			m.Answer = records
			if tsig := query.IsTsig(); tsig != nil && w.TsigStatus() == nil {
				m.SetTsig(tsig.Hdr.Name, tsig.Algorithm, 300, time.Now().Unix())
			}
			if w.WriteMsg(m) != nil {
				return
			}
			w.TsigTimersOnly(true)
		}
		_ = w.Close()
	}
}

func TestTransfer(t *testing.T) {
	soa := rr(t, "example.org. 5 SOA ns.example.org. hostmaster.example.org. 7 7200 1800 86400 5")
	other := rr(t, "example.org. 5 SOA ns.example.org. hostmaster.example.org. 8 7200 1800 86400 5")
	a := rr(t, "a.example.org. 5 A 10.0.0.1")
	rcode := func(rcode int) dns.HandlerFunc {
		return func(w dns.ResponseWriter, query *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(query, rcode)) }
	}
	right := &Key{"key.", dns.HmacSHA256, secret}
	for name, c := range map[string]struct {
		answer dns.HandlerFunc
		key    *Key
		want   string // the records, or what is in the error
	}{
		"one message":     {send([]dns.RR{soa, a, soa}), nil, "SOA A"},
		"several":         {send([]dns.RR{soa}, []dns.RR{a, a}, []dns.RR{soa}), nil, "SOA A A"},
		"signed":          {send([]dns.RR{soa, a}, []dns.RR{a, soa}), right, "SOA A A"},
		"another secret":  {send([]dns.RR{soa, a, soa}), &Key{"key.", dns.HmacSHA256, "b3RoZXI="}, "is not signed with the key key."},
		"unknown key":     {send([]dns.RR{soa, a, soa}), &Key{"nokey.", dns.HmacSHA256, secret}, "is not signed with the key nokey."},
		"refused":         {rcode(dns.RcodeRefused), nil, "REFUSED; allow it there"},
		"no such zone":    {rcode(dns.RcodeNotAuth), nil, "NOTAUTH; the server has no such zone"},
		"not implemented": {rcode(dns.RcodeNotImplemented), nil, "NOTIMP"},
		"broken off":      {send([]dns.RR{soa, a}), nil, "it broke off after 2 records"},
		"hung up":         {func(w dns.ResponseWriter, _ *dns.Msg) { _ = w.Close() }, nil, "the server hung up"},
		"another SOA":     {send([]dns.RR{soa, a, other}), nil, "does not begin and end with the zone's SOA"},
		"one SOA":         {send([]dns.RR{soa}), nil, "it broke off after 1 records"},
		"not a SOA":       {send([]dns.RR{a, soa}), nil, "no SOA; what answers there does not transfer this zone"},
		"no records":      {rcode(dns.RcodeSuccess), nil, "no SOA; what answers there does not transfer this zone"},
		"no DNS": {
			func(w dns.ResponseWriter, _ *dns.Msg) { _, _ = w.Write([]byte(strings.Repeat("no DNS", 9))) }, nil,
			"what answers there does not transfer this zone",
		},
		"SOA of another zone": {send([]dns.RR{rr(t, "example.com. SOA a. b. 1 1 1 1 1"), rr(t, "example.com. SOA a. b. 1 1 1 1 1")}), nil, "does not begin and end with the zone's SOA"},
	} {
		t.Run(name, func(t *testing.T) {
			p := serve(t, c.answer, map[string]string{"key.": secret})
			zones, err := (&Reader{Keys: map[string]*Key{"": c.key}}).Read(t.Context(), p, "example.org.")
			if err != nil {
				if !strings.HasPrefix(err.Error(), p.String()+": cannot transfer example.org.: ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
					t.Errorf("%v, want %s", err, c.want)
				}
				return
			}
			var types []string
			for _, r := range zones[0].Records {
				types = append(types, dns.Type(r.RR.Header().Rrtype).String())
			}
			if got := strings.Join(types, " "); got != c.want || zones[0].Origin != "example.org." || zones[0].File != p.String()+"/example.org" {
				t.Errorf("%s of %s in %s, want %s", got, zones[0].Origin, zones[0].File, c.want)
			}
		})
	}
}

// TestKeyOfServer: a server gets its own key, others that of all.
func TestKeyOfServer(t *testing.T) {
	soa := rr(t, "example.org. 5 SOA ns.example.org. hostmaster.example.org. 7 7200 1800 86400 5")
	asked := make(chan string, 1)
	p := serve(t, func(w dns.ResponseWriter, query *dns.Msg) {
		name := ""
		if tsig := query.IsTsig(); tsig != nil {
			name = tsig.Hdr.Name
		}
		asked <- name
		send([]dns.RR{soa, soa})(w, query)
	}, map[string]string{"one.": secret, "all.": secret})
	one, all := &Key{"one.", dns.HmacSHA256, secret}, &Key{"all.", dns.HmacSHA256, secret}
	for _, test := range []struct {
		keys map[string]*Key
		want string
	}{
		{nil, ""},
		{map[string]*Key{"192.0.2.1:53": one}, ""},
		{map[string]*Key{"192.0.2.1:53": one, "": all}, "all."},
		{map[string]*Key{p.Server(): one}, "one."},
		{map[string]*Key{p.Server(): one, "": all}, "one."},
	} {
		if _, err := (&Reader{Keys: test.keys}).Read(t.Context(), p, "example.org."); err != nil {
			t.Error(err)
		}
		if got := <-asked; got != test.want {
			t.Errorf("%v: key %q, want %q", test.keys, got, test.want)
		}
	}
}

// TestTransferEnds: a server that says nothing does not keep anybody waiting for
// longer than the context.
func TestTransferEnds(t *testing.T) {
	asked := make(chan bool)
	p := serve(t, func(dns.ResponseWriter, *dns.Msg) { asked <- true }, nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-asked
		cancel(errors.New("that is enough"))
	}()
	if _, err := (&Reader{}).Read(ctx, p, "example.org."); err == nil || !strings.Contains(err.Error(), "that is enough") {
		t.Error(err)
	}
}

// TestNobody: no server there.
func TestNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p, _ := Parse("@" + address)
	want := fmt.Sprintf("@%s: cannot transfer example.org.: dial tcp %[1]s: connect: connection refused; a transfer takes TCP: check address, port and firewall", address)
	if _, err := (&Reader{}).Read(t.Context(), p, "example.org."); err == nil || err.Error() != want {
		t.Error(err)
	}
}
