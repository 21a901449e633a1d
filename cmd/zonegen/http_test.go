package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener without a network.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error {
	close(p.closed)
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestHTTPTimeouts: whoever connects and sends nothing, half a request, or no second one, or who
// does not read the answer, is let go.
func TestHTTPTimeouts(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, strings.NewReader(strings.Repeat("x", 1<<20)))
	})
	for name, test := range map[string]struct {
		send   string
		read   bool // the answer
		within time.Duration
	}{
		"nothing":            {"", true, requestTimeout},
		"half a request":     {"GET /livez HTTP/1.1\r\nHost: x\r\n", true, requestTimeout},
		"half a body":        {"GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc", true, responseTimeout},
		"no second request":  {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", true, idleTimeout},
		"who does not read":  {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", false, responseTimeout},
		"a very long header": {"GET /livez HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10), true, requestTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				l := pipes{make(chan net.Conn), make(chan struct{})}
				served := make(chan error, 1)
				go func() { served <- serveHTTP(ctx, l, handler, slog.New(slog.DiscardHandler)) }()
				client, server := net.Pipe()
				l.conns <- server
				sent := make(chan struct{})
				go func() {
					defer close(sent)
					_, _ = io.WriteString(client, test.send)
				}()
				start := time.Now()
				if test.read {
					_, err := io.Copy(io.Discard, bufio.NewReader(client))
					if err != nil && !errors.Is(err, io.ErrClosedPipe) {
						t.Error(err)
					}
				} else {
					<-sent
					time.Sleep(test.within + time.Second) // in the bubble
					synctest.Wait()
					if _, err := io.Copy(io.Discard, client); err != nil {
						t.Error(err)
					}
				}
				if took := time.Since(start); took > test.within+2*time.Second {
					t.Errorf("the connection was kept for %s", took)
				}
				cancel()
				<-sent
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
