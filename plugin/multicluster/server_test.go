package multicluster

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/metrics"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"
	dto "github.com/prometheus/client_model/go"
)

func init() {
	caddy.Quiet, dnsserver.Quiet = true, true
	at := slices.Index(dnsserver.Directives, "kubernetes") + 1
	dnsserver.Directives = slices.Insert(dnsserver.Directives, at, pluginName)
}

// server is CoreDNS in this process.
type server struct {
	*caddy.Instance
	udp, tcp string // the addresses of its first server
}

// serverOn starts CoreDNS with a Corefile in which DIR is the folder, and ends it
// with the test.
func serverOn(t testing.TB, dir, corefile string) *server {
	t.Helper()
	i, err := caddy.Start(input(dir, corefile))
	if err != nil {
		t.Fatalf("%v\n%s", err, corefile)
	}
	s := &server{Instance: i}
	s.addresses()
	t.Cleanup(func() { s.end(t) })
	return s
}

func input(dir, corefile string) caddy.Input {
	text := strings.ReplaceAll(corefile, "DIR", dir)
	return caddy.CaddyfileInput{Contents: []byte(text), Filepath: "Corefile", ServerTypeName: "dns"}
}

func (s *server) addresses() {
	s.udp, s.tcp = s.Servers()[0].LocalAddr().String(), s.Servers()[0].Addr().String()
}

func (s *server) end(t testing.TB) {
	t.Helper()
	for _, err := range s.ShutdownCallbacks() {
		t.Error(err)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// restart reloads the Corefile.
func (s *server) restart(dir, corefile string) error {
	i, err := s.Restart(input(dir, corefile))
	if err == nil {
		s.Instance = i
		s.addresses()
	}
	return err
}

// ask asks over UDP.
func (s *server) ask(t testing.TB, name string, qtype uint16) *dns.Msg {
	t.Helper()
	return s.exchange(t, "udp", question(name, qtype))
}

func (s *server) exchange(t testing.TB, network string, r *dns.Msg) *dns.Msg {
	t.Helper()
	address := s.udp
	if network == "tcp" {
		address = s.tcp
	}
	reply, _, err := (&dns.Client{Net: network, Timeout: patience, UDPSize: 4096}).Exchange(r, address)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

const simple = `clusterset.local:0 {
	bind 127.0.0.1
	multicluster {
		directory DIR
	}
}`

func TestServer(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, "a.b.svc 5 A 192.0.2.1"))
	s := serverOn(t, dir, simple)
	if got := brief(s.ask(t, "a.b.svc.clusterset.local.", dns.TypeA)); got != "NOERROR A 192.0.2.1" {
		t.Error(got)
	}
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 2, "a.b.svc 5 A 192.0.2.2"))
	until(t, "the change is served", func() bool {
		return brief(s.ask(t, "a.b.svc.clusterset.local.", dns.TypeA)) == "NOERROR A 192.0.2.2"
	})
}

// TestServerStartsWithoutZones: it waits as long as it is told, and then serves.
func TestServerStartsWithoutZones(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "zones")
	address := "127.0.0.1:" + freePort(t)
	s := serverOn(t, dir, `clusterset.local:0 in-addr.arpa:0 {
		bind 127.0.0.1
		ready `+address+`
		multicluster {
			directory DIR
			fallthrough
			startup_timeout 20ms
		}
	}`)
	for _, name := range []string{"a.b.svc.clusterset.local.", "clusterset.local."} {
		if got := brief(s.ask(t, name, dns.TypeA)); got != "SERVFAIL" {
			t.Errorf("%s: %s", name, got)
		}
	}
	ready := func() string {
		reply, err := http.Get("http://" + address + "/ready")
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close()
		body, _ := io.ReadAll(reply.Body)
		return fmt.Sprint(reply.StatusCode, " ", string(body))
	}
	if got := ready(); got != "503 multicluster" {
		t.Error(got)
	}
	must(t, os.Mkdir(dir, 0o700))
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, "a.b.svc 5 A 192.0.2.1"))
	until(t, "the zone is served", func() bool {
		return brief(s.ask(t, "a.b.svc.clusterset.local.", dns.TypeA)) == "NOERROR A 192.0.2.1"
	})
	if got := ready(); got != "503 multicluster" { // there are two zones
		t.Error(got)
	}
	put(t, dir, "db.in-addr.arpa", zoneFile("in-addr.arpa.", 1))
	until(t, "it is ready", func() bool { return ready() == "200 OK" })
}

// TestServerWaitsForZones: all is loaded when it begins to serve.
func TestServerWaitsForZones(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", plain(zoneFile(clusterset, 1, "a.b.svc 5 A 192.0.2.1"))) // another's form: it is not read at once
	s := serverOn(t, dir, strings.Replace(simple, "directory DIR", "directory DIR\nstartup_timeout 24h", 1))
	if got := brief(s.ask(t, "a.b.svc.clusterset.local.", dns.TypeA)); got != "NOERROR A 192.0.2.1" {
		t.Error(got)
	}
}

// TestRestartsLeakNothing reloads Corefiles.
func TestRestartsLeakNothing(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, "a.b.svc 5 A 192.0.2.1"))
	corefile := simple
	s := serverOn(t, dir, corefile)
	must(t, s.restart(dir, corefile))
	goroutines, fds := runtime.NumGoroutine(), openFiles(t, "")
	for serial := range uint32(20) {
		must(t, s.restart(dir, corefile))
		put(t, dir, "db.clusterset.local", zoneFile(clusterset, 2+serial, "a.b.svc 5 A 192.0.2.1"))
		until(t, "the new instance follows the file", func() bool {
			return s.ask(t, "clusterset.local.", dns.TypeSOA).Answer[0].(*dns.SOA).Serial == 2+serial
		})
	}
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	until(t, "no file is left open", func() bool { return openFiles(t, "") <= fds })
	if got := valueOf(t, "zone_serial", clusterset); got != 21 {
		t.Errorf("the metric is %v", got)
	}
}

// TestFailedRestartLeaksNothing: CoreDNS goes on with the old Corefile.
func TestFailedRestartLeaksNothing(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, "a.b.svc 5 A 192.0.2.1"))
	s := serverOn(t, dir, simple)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	bad := simple + "\n" + strings.Replace(simple, "clusterset.local:0", "example.org:"+port, 1)
	put(t, dir, "db.example.org", zoneFile("example.org.", 1))
	failures(t, s, dir, bad)
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 2, "a.b.svc 5 A 192.0.2.2"))
	until(t, "the old instance follows the file", func() bool {
		return brief(s.ask(t, "a.b.svc.clusterset.local.", dns.TypeA)) == "NOERROR A 192.0.2.2"
	})
	// Nor if the old Corefile does without the plugin.
	must(t, s.restart(dir, "example.com:0 {\nbind 127.0.0.1\nwhoami\n}"))
	failures(t, s, dir, bad)
}

// failures reloads a Corefile that cannot be used, and checks that nothing is left of
// it.
func failures(t *testing.T, s *server, dir, bad string) {
	t.Helper()
	if err := s.restart(dir, bad); err == nil {
		t.Fatal("the port is taken")
	}
	goroutines, watches := runtime.NumGoroutine(), openFiles(t, "inotify")
	for range 10 {
		if err := s.restart(dir, bad); err == nil {
			t.Fatal("the port is taken")
		}
	}
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	until(t, "no watch is left", func() bool { return openFiles(t, "inotify") <= watches })
}

// TestStartupTimeoutIsOne: however many server blocks wait, and zones that are there
// do not wait for those that are not.
func TestStartupTimeoutIsOne(t *testing.T) {
	dir := t.TempDir()
	const timeout = 500 * time.Millisecond
	corefile := ""
	for i := range 8 {
		corefile += fmt.Sprintf("missing%d.example:0 {\nbind 127.0.0.1\nmulticluster {\ndirectory DIR\nstartup_timeout %s\n}\n}\n", i, timeout)
	}
	start := time.Now()
	serverOn(t, dir, corefile)
	if took := time.Since(start); took < timeout || took > 6*timeout {
		t.Errorf("the start of 8 server blocks took %s, with a timeout of %s", took, timeout)
	}
}

// TestMetricsOfServerBlocks: one zone, served with and without endpoints.
func TestMetricsOfServerBlocks(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1,
		"$ORIGIN a.b.svc.clusterset.local. ; headless", "@ 5 A 192.0.2.1", "x.east 5 A 192.0.2.1"))
	ports := []string{freePort(t), freePort(t)}
	serverOn(t, dir, `clusterset.local:`+ports[0]+` {
		bind 127.0.0.1
		multicluster {
			directory DIR
		}
	}
	clusterset.local:`+ports[1]+` {
		bind 127.0.0.1
		multicluster {
			directory DIR
			noendpoints
		}
	}`)
	for i, want := range []float64{5, 3} {
		s := series{server: "dns://127.0.0.1:" + ports[i], zone: clusterset}
		var m dto.Metric
		must(t, zoneRecords.WithLabelValues(s.values()...).Write(&m))
		if got := m.GetGauge().GetValue(); got != want {
			t.Errorf("%v: %v records, not %v", s, got, want)
		}
	}
}

// TestServerBlocks: each key of a server block has its own chain of plugins.
func TestServerBlocks(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, "a.b.svc 5 A 192.0.2.1"))
	put(t, dir, "db.in-addr.arpa", zoneFile("in-addr.arpa.", 1, "1.2.0.192 5 PTR a.b.svc.clusterset.local."))
	s := serverOn(t, dir, `clusterset.local:0 192.0.2.0/24:0 in-addr.arpa:0 {
		bind 127.0.0.1
		multicluster {
			directory DIR
			startup_timeout 1ms
		}
	}`)
	put(t, dir, "db.2.0.192.in-addr.arpa", zoneFile("2.0.192.in-addr.arpa.", 1, "7 5 PTR x.b.svc.clusterset.local."))
	until(t, "the narrower zone is served", func() bool {
		return brief(s.ask(t, "7.2.0.192.in-addr.arpa.", dns.TypePTR)) == "NOERROR PTR x.b.svc.clusterset.local."
	})
	for name, want := range map[string]string{"1.2.0.192.in-addr.arpa.": "NXDOMAIN", "1.3.0.192.in-addr.arpa.": "NXDOMAIN", "192.in-addr.arpa.": "NOERROR"} {
		if got := brief(s.ask(t, name, dns.TypePTR)); got != want {
			t.Errorf("%s: %s, not %s", name, got, want)
		}
	}
}

// freePort is a TCP port that is free now.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
