package e2e

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// taken are the ports that were given out: two tests never get the same.
var taken sync.Map

// freePort returns a port on 127.0.0.1 that nothing uses, neither by UDP nor by TCP. It lies below the range from
// which the system takes the local ports of connections (Linux: 32768 and up). From inside that range, a client that
// keeps trying to reach a server that is down would sooner or later be given the server's port, connect to itself and
// keep the server from coming back.
func freePort(t testing.TB) int {
	t.Helper()
	port, err := pickPort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func pickPort() (int, error) {
	var err error
	for range 100 {
		port := 20000 + rand.IntN(12000)
		if _, given := taken.LoadOrStore(port, true); given {
			continue
		}
		if err = tryPort(port); err == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port in a hundred tries, the last: %w", err)
}

func tryPort(port int) error {
	tcp, err := net.Listen("tcp", loopback(port))
	if err != nil {
		return err
	}
	udp, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		return fmt.Errorf("%w, %v", err, tcp.Close())
	}
	if err := udp.Close(); err != nil {
		return err
	}
	return tcp.Close()
}

// loopback is the address of a port given by freePort.
func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
