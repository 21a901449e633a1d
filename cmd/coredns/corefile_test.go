package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// patience is how long a change may take to be served; corefile.example says two seconds.
const patience = 30 * time.Second

// TestExample runs corefile.example, but for its ports and its folder, as the README has people do.
func TestExample(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneText("clusterset.local.", 1, "a.b.svc A 10.128.0.10"))
	put(t, dir, "db.in-addr.arpa", zoneText("in-addr.arpa.", 1, "10.0.128.10 PTR a.b.svc.clusterset.local."))
	put(t, dir, "db.ip6.arpa", zoneText("ip6.arpa.", 1))
	put(t, dir, ".db.svc.clusterset.local", zoneText("svc.clusterset.local.", 1, "a.b A 192.0.2.1")) // not a zone file
	addr := start(t, dir)

	wait(t, addr, "a.b.svc.clusterset.local.", dns.TypeA, "NOERROR 10.128.0.10")
	for _, test := range []struct {
		name  string
		qtype uint16
		want  string
	}{
		{"none.b.svc.clusterset.local.", dns.TypeA, "NXDOMAIN"},
		{"b.svc.clusterset.local.", dns.TypeA, "NOERROR"},
		{"10.0.128.10.in-addr.arpa.", dns.TypePTR, "NOERROR a.b.svc.clusterset.local."},
		{"1.ip6.arpa.", dns.TypePTR, "NXDOMAIN"},
		{"example.com.", dns.TypeA, "REFUSED"},
		{".", dns.TypeNS, "REFUSED"},
	} {
		if got, err := ask(addr, test.name, test.qtype); err != nil || got != test.want {
			t.Errorf("%s %s: got %q, %v, want %q", test.name, dns.TypeToString[test.qtype], got, err, test.want)
		}
	}
	if got := transfer(t, addr, "clusterset.local."); got != 5 {
		t.Errorf("transfer has %d records, want 5: SOA, NS, two addresses, SOA", got)
	}

	put(t, dir, "db.clusterset.local", zoneText("clusterset.local.", 2, "a.b.svc A 10.128.0.11"))
	wait(t, addr, "a.b.svc.clusterset.local.", dns.TypeA, "NOERROR 10.128.0.11")
}

// start runs CoreDNS with corefile.example on the zone files in dir, until the test ends, and returns its address. Edit
// is pairs of a text in the file and another to take its place.
func start(t *testing.T, dir string, edit ...string) (addr string) {
	t.Helper()
	text, err := os.ReadFile("../../corefile.example")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(edit); i += 2 {
		if !bytes.Contains(text, []byte(edit[i])) {
			t.Fatalf("corefile.example does not have %q", edit[i])
		}
		text = bytes.ReplaceAll(text, []byte(edit[i]), []byte(edit[i+1]))
	}
	port := freePort(t)
	for old, new := range map[string]string{
		"/zones": dir, ":1053": ":" + port, ":8080": ":" + freePort(t), ":8181": ":" + freePort(t), ":9153": ":" + freePort(t),
	} {
		if !bytes.Contains(text, []byte(old)) {
			t.Fatalf("corefile.example does not have %s, which this test, the tests in e2e and hack/run.sh replace", old)
		}
		text = bytes.ReplaceAll(text, []byte(old), []byte(new))
	}
	corefile := filepath.Join(t.TempDir(), "Corefile")
	if err := os.WriteFile(corefile, text, 0o600); err != nil {
		t.Fatal(err)
	}

	var log bytes.Buffer
	cmd := command(t, "-conf", corefile)
	cmd.Stdout, cmd.Stderr = &log, &log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the test's context is done by now
		err := cmd.Wait()
		if cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("CoreDNS: %v", err)
		}
		if t.Failed() {
			t.Logf("its log:\n%s", log.Bytes())
		}
	})
	return net.JoinHostPort("127.0.0.1", port)
}

// freePort returns a port that neither UDP nor TCP uses. The system gives it to nobody else soon: it hands them out at
// random.
func freePort(t *testing.T) string {
	t.Helper()
	for range 10 {
		tcp, err := net.Listen("tcp", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		_, port, err := net.SplitHostPort(tcp.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if udp, err := net.ListenPacket("udp", ":"+port); err == nil {
			defer udp.Close()
			return port
		}
	}
	t.Fatal("no port is free for both UDP and TCP")
	return ""
}

// put replaces a file of dir at once, as zonegen does.
func put(t *testing.T, dir, name, text string) {
	t.Helper()
	tmp := filepath.Join(dir, ".tmp")
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func zoneText(origin string, serial uint32, records ...string) string {
	return fmt.Sprintf("$ORIGIN %s\n$TTL 5\n@ SOA ns.dns hostmaster %d 7200 1800 86400 5\n@ NS ns.dns\nns.dns A 127.0.0.1\n%s\n",
		origin, serial, strings.Join(records, "\n"))
}

// ask returns the response code and the data of the answer.
func ask(addr, name string, qtype uint16) (string, error) {
	reply, err := dns.Exchange(new(dns.Msg).SetQuestion(name, qtype), addr)
	if err != nil {
		return "", err
	}
	got := dns.RcodeToString[reply.Rcode]
	for _, rr := range reply.Answer {
		got += " " + strings.TrimPrefix(rr.String(), rr.Header().String())
	}
	return got, nil
}

// wait asks until the answer is want.
func wait(t *testing.T, addr, name string, qtype uint16, want string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(patience)
	for {
		got, err := ask(addr, name, qtype)
		if err == nil && got == want {
			return
		}
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("%s: got %q, %v, after %s still not %q", name, got, err, patience, want)
		}
	}
}

// TestTransferRefused: nobody gets a zone as a whole who was not named, neither from corefile.example nor from a
// Corefile without the transfer plugin.
func TestTransferRefused(t *testing.T) {
	const plugin = "transfer {\n        to *\n    }\n"
	auto := "auto {\n        directory /zones ^db\\.(.*)$ {1}\n        reload 2s\n    }\n"
	for name, edit := range map[string][]string{
		"from somewhere else":           {"127.0.0.0/8 ::1/128", "192.0.2.1/32"},
		"auto without transfer":         {plugin, "", "127.0.0.0/8", "0.0.0.0/0"},
		"multicluster without transfer": {plugin, "", "127.0.0.0/8", "0.0.0.0/0", auto, "multicluster {\n directory /zones\n }\n"},
		"file without transfer":         {plugin, "", "127.0.0.0/8", "0.0.0.0/0", auto, "file /zones/db.clusterset.local clusterset.local\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, zone := range []string{"clusterset.local.", "in-addr.arpa.", "ip6.arpa."} {
				put(t, dir, "db."+strings.TrimSuffix(zone, "."), zoneText(zone, 1))
			}
			addr := start(t, dir, edit...)
			wait(t, addr, "ns.dns.clusterset.local.", dns.TypeA, "NOERROR 127.0.0.1")
			for _, query := range []*dns.Msg{
				new(dns.Msg).SetAxfr("clusterset.local."),
				new(dns.Msg).SetIxfr("clusterset.local.", 0, "ns.dns.clusterset.local.", "hostmaster.clusterset.local."),
			} {
				for _, network := range []string{"tcp", "udp"} {
					reply, _, err := (&dns.Client{Net: network}).Exchange(query, addr)
					if err != nil {
						t.Fatal(err)
					}
					if len(reply.Answer) > 0 {
						t.Errorf("%s by %s: %s", dns.Type(query.Question[0].Qtype), network, reply)
					}
				}
			}
		})
	}
}

// transfer returns the number of records that AXFR gives.
func transfer(t *testing.T, addr, origin string) (records int) {
	t.Helper()
	envelopes, err := new(dns.Transfer).In(new(dns.Msg).SetAxfr(origin), addr)
	if err != nil {
		t.Fatal(err)
	}
	for envelope := range envelopes {
		if envelope.Error != nil {
			t.Fatal(envelope.Error)
		}
		records += len(envelope.RR)
	}
	return records
}
