package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/pflag"
)

// httpFlags choose the HTTP endpoints.
type httpFlags struct {
	address string
	pprof   bool
}

func (h *httpFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&h.address, "http", ":8053", "`address` of /livez, /readyz and /metrics; empty for none")
	flags.BoolVar(&h.pprof, "pprof", false, "serve /debug/pprof as well")
}

// check says what is wrong with the flags without trying the address.
func (h *httpFlags) check() error {
	if h.address == "" {
		if h.pprof {
			return errors.New("--pprof: it is served by --http, which is empty; give an address, or leave --pprof out")
		}
		return nil
	}
	_, port, err := net.SplitHostPort(h.address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return fmt.Errorf("--http %q: use HOST:PORT, :PORT, or '' for none", h.address)
	}
	return nil
}

// maxScrapes is how many requests for the metrics are answered at a time.
const maxScrapes = 8

// handler returns the HTTP endpoints of zonegen run.
func handler(r *readiness, m *metrics, withPprof bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("GET /readyz", r)
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	if withPprof {
		mux.HandleFunc("/debug/pprof/", pprof.Index)
		mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// What a client may take, who need not be anybody known: the endpoints have no bodies to
// read, and what they write is short. Profiles take longer; net/http/pprof adds that.
const (
	requestTimeout  = 10 * time.Second
	responseTimeout = 30 * time.Second
	idleTimeout     = 2 * time.Minute // of a connection, longer than between two scrapes
	maxHeader       = 16 << 10        // octets
)

// serveHTTP serves on a listener until ctx is done.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, logger *slog.Logger) error {
	server := &http.Server{
		Handler:        h,
		ReadTimeout:    requestTimeout,
		WriteTimeout:   responseTimeout,
		IdleTimeout:    idleTimeout,
		MaxHeaderBytes: maxHeader,
		ErrorLog:       slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close()
		}
	}()
	err := server.Serve(l)
	if !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	<-stopped
	return nil
}
