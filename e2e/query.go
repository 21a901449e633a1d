package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// resolver asks one server over one connection: for tests that ask thousands of questions.
type resolver struct {
	t    testing.TB
	conn *dns.Conn
}

// newResolver connects to the server on a port of 127.0.0.1 by "udp" or "tcp".
func newResolver(t testing.TB, network string, port int) *resolver {
	t.Helper()
	conn, err := dns.DialTimeout(network, loopback(port), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &resolver{t: t, conn: conn}
}

// ask returns the answer to a plain question without EDNS.
func (r *resolver) ask(name string, qtype uint16) *dns.Msg {
	r.t.Helper()
	return r.exchange(new(dns.Msg).SetQuestion(name, qtype))
}

// exchange returns the answer to a query. An answer by UDP may be truncated; it is not asked for again by TCP.
func (r *resolver) exchange(query *dns.Msg) *dns.Msg {
	r.t.Helper()
	c := dns.Client{Timeout: patience, UDPSize: dns.MaxMsgSize}
	answer, _, err := c.ExchangeWithConn(query, r.conn)
	if err != nil {
		r.t.Fatalf("asking for %v: %v", query.Question, err)
	}
	return answer
}

// receive returns the records of a zone transfer, whole or incremental, in the order in which they come.
func receive(transfer *dns.Transfer, query *dns.Msg, server string) (records []dns.RR, err error) {
	envelopes, err := transfer.In(query, server)
	if err != nil {
		return nil, err
	}
	for envelope := range envelopes {
		if envelope.Error != nil {
			return nil, envelope.Error // the last one
		}
		records = append(records, envelope.RR...)
	}
	return records, nil
}

// texts are the records as text, one blank between the fields, in an order that does not depend on the server.
func texts(records []dns.RR) []string {
	var lines []string
	for _, rr := range records {
		lines = append(lines, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(lines)
	return lines
}
