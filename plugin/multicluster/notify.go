package multicluster

import (
	"slices"
	"sync"

	"github.com/coredns/coredns/plugin/transfer"
)

// notifier sends NOTIFY messages (RFC 1996), one after the other. A zone that has
// changed again before its turn is notified once. It begins when it is opened: who
// is notified asks at once, and may not try again soon if nobody listens yet.
type notifier struct {
	mu       sync.Mutex
	transfer *transfer.Transfer
	pending  []string
	open     bool
	busy     bool
	closed   bool
}

// changed has the secondaries of a zone told.
func (n *notifier) changed(zone string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.transfer == nil || n.closed || slices.Contains(n.pending, zone) {
		return
	}
	n.pending = append(n.pending, zone)
	n.start()
}

// begin opens it.
func (n *notifier) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open = true
	n.start()
}

// start sends what is pending. The lock is held.
func (n *notifier) start() {
	if n.open && !n.busy && len(n.pending) > 0 {
		n.busy = true
		go n.send()
	}
}

func (n *notifier) send() {
	for {
		n.mu.Lock()
		if len(n.pending) == 0 || n.closed {
			n.busy = false
			n.mu.Unlock()
			return
		}
		zone := n.pending[0]
		n.pending = n.pending[1:]
		n.mu.Unlock()
		if err := n.transfer.Notify(zone); err != nil {
			log.Warningf("Zone %s: %v", zone, err)
		}
	}
}

// close ends it: at most the message at hand is still sent.
func (n *notifier) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed, n.pending = true, nil
}
