package e2e

import (
	"net"
	"testing"
)

func TestFreePort(t *testing.T) {
	seen := map[int]bool{}
	for range 50 {
		port := freePort(t)
		if port >= 32768 || seen[port] {
			t.Fatalf("%d after %v", port, seen)
		}
		seen[port] = true
	}
	port := freePort(t)
	udp, err := net.ListenPacket("udp", loopback(port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = udp.Close() }()
	if err := tryPort(port); err == nil {
		t.Error("a port that is taken by UDP is free")
	}
}
