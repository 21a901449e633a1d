package e2e

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// prober asks one server over and over.
type prober struct{ conn net.Conn }

func newProber(t testing.TB, port int) *prober {
	t.Helper()
	conn, err := net.Dial("udp", loopback(port))
	if err != nil {
		t.Fatal(err)
	}
	return &prober{conn: conn}
}

func (p *prober) close() { _ = p.conn.Close() }

// until asks without pause until the answer is as expected, and returns when that answer came.
func (p *prober) until(t testing.TB, want expectation) time.Time {
	t.Helper()
	query, err := new(dns.Msg).SetQuestion(want.name, dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, dns.MinMsgSize)
	begin := time.Now()
	for time.Since(begin) < patience {
		if _, err := p.conn.Write(query); err != nil {
			t.Fatal(err)
		}
		_ = p.conn.SetReadDeadline(time.Now().Add(time.Second))
		n, err := p.conn.Read(buffer)
		now := time.Now()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue // a lost packet
		} else if err != nil {
			t.Fatal(err)
		}
		var answer dns.Msg
		if err := answer.Unpack(buffer[:n]); err != nil {
			t.Fatalf("the answer for %s: %v", want.name, err)
		}
		if len(answer.Answer) == 1 {
			if a, ok := answer.Answer[0].(*dns.A); ok && a.A.String() == want.address {
				return now
			}
		}
	}
	t.Fatalf("%s does not have the address %s within %s", want.name, want.address, patience)
	return time.Time{}
}
