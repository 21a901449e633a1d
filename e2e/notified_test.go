package e2e

import (
	"net"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// notified counts the NOTIFY messages that it gets.
type notified struct {
	address string

	mu    sync.Mutex
	ids   map[uint16]string // the zone of the last message with this ID: who gets no answer in time repeats
	count map[string]int    // by zone
}

// newNotified listens at a port of 127.0.0.1.
func newNotified(t testing.TB) *notified {
	t.Helper()
	conn, err := net.ListenPacket("udp", loopback(freePort(t)))
	if err != nil {
		t.Fatal(err)
	}
	n := &notified{address: conn.LocalAddr().String(), ids: make(map[uint16]string), count: make(map[string]int)}
	server := &dns.Server{PacketConn: conn, Handler: n}
	ended := make(chan error, 1)
	go func() { ended <- server.ActivateAndServe() }()
	t.Cleanup(func() {
		if err := server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return n
}

// ServeDNS implements dns.Handler.
func (n *notified) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	if zone := r.Question[0].Name; r.Opcode == dns.OpcodeNotify && r.Question[0].Qtype == dns.TypeSOA {
		n.mu.Lock()
		if n.ids[r.Id] != zone {
			n.ids[r.Id] = zone
			n.count[zone]++
		}
		n.mu.Unlock()
	}
	_ = w.WriteMsg(new(dns.Msg).SetReply(r)) // without it, the message comes again
}

// of is how many messages there were for a zone.
func (n *notified) of(zone string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count[zone]
}
