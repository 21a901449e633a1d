package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// hiddenPrimary is the primary of examples/corefiles/hidden-primary with its three secondaries.
type hiddenPrimary struct {
	t           testing.TB
	primary     *process
	port        int
	secondaries map[string]*secondary // by name
	key         string                // the file of the TSIG key
}

// secondary is a name server that has its zones from a primary.
type secondary struct {
	*process
	port int
	up   string // what it prints when it has started
}

// runHiddenPrimary starts all four on 127.0.0.1, with the zones of this folder. More says what else is replaced in a
// file of the example.
func runHiddenPrimary(t testing.TB, zones string, more map[string][]string) *hiddenPrimary {
	t.Helper()
	h := &hiddenPrimary{
		t:           t,
		port:        freePort(t),
		secondaries: make(map[string]*secondary),
		key:         exampleConfig(t, "hidden-primary/transfer.key"),
	}
	bind, nsd, knot := freePort(t), freePort(t), freePort(t)
	with := func(name string, replacements ...string) []string { return append(replacements, more[name]...) }
	state := func() string {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "run"), 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}

	// The secondaries first: the primary notifies them when it starts.
	dir := state()
	h.start("BIND", bind, " running\n", tool(t, "named", "bind9"), "-g", "-c", exampleConfig(t, "hidden-primary/named.conf", with("named.conf",
		"192.0.2.1 port 1053", fmt.Sprintf("127.0.0.1 port %d", h.port),
		"port 53 { 192.0.2.51; }", fmt.Sprintf("port %d { 127.0.0.1; }", bind),
		"/etc/bind", filepath.Dir(h.key), "/var/cache/bind", dir, "/run/named", dir+"/run",
	)...))
	dir = state()
	h.start("NSD", nsd, "nsd started", tool(t, "nsd", "nsd"), "-d", "-u", "", "-c", exampleConfig(t, "hidden-primary/nsd.conf", with("nsd.conf",
		"192.0.2.1@1053", fmt.Sprintf("127.0.0.1@%d", h.port), "192.0.2.1 NOKEY", "127.0.0.1 NOKEY",
		"192.0.2.52@53", fmt.Sprintf("127.0.0.1@%d", nsd),
		"/var/lib/nsd", dir, "/run/nsd", dir+"/run",
	)...))
	dir = state()
	h.start("Knot", knot, "server started", tool(t, "knotd", "knot"), "-c", exampleConfig(t, "hidden-primary/knot.conf", with("knot.conf",
		"192.0.2.1@1053", fmt.Sprintf("127.0.0.1@%d", h.port), "address: 192.0.2.1\n", "address: 127.0.0.1\n",
		"192.0.2.53@53", fmt.Sprintf("127.0.0.1@%d", knot),
		"/var/lib/knot", dir, "/run/knot", dir+"/run",
	)...))
	h.primary = run(t, coredns(t), "-conf", exampleConfig(t, "hidden-primary/Corefile", with("Corefile",
		"bind 192.0.2.1", "bind 127.0.0.1", ":1053", fmt.Sprintf(":%d", h.port), "/zones", zones,
		"192.0.2.51:53", loopback(bind), "192.0.2.52:53", loopback(nsd), "192.0.2.53:53", loopback(knot),
		"/etc/coredns/transfer.key", h.key,
		":8181", fmt.Sprintf(":%d", freePort(t)), ":9153", fmt.Sprintf(":%d", freePort(t)),
	)...))
	h.primary.waitOutput("CoreDNS-")
	return h
}

// start starts a secondary.
func (h *hiddenPrimary) start(name string, port int, up, path string, args ...string) {
	h.t.Helper()
	s := &secondary{run(h.t, path, args...), port, up}
	s.waitOutput(up)
	h.secondaries[name] = s
}

// TestHiddenPrimary runs the hidden primary of the examples and its secondaries, and changes a service.
func TestHiddenPrimary(t *testing.T) {
	manifests, zones := t.TempDir(), t.TempDir()
	if err := os.CopyFS(manifests, os.DirFS("../examples")); err != nil {
		t.Fatal(err)
	}
	run(t, zonegen(t), "run", "-f", manifests, "--zone-dir", zones, "--http", loopback(freePort(t))).waitOutput("msg=ready")
	h := runHiddenPrimary(t, zones, nil)

	answer := func(address string) {
		t.Helper()
		for name, s := range h.secondaries {
			eventually(t, name+" answers", func() error {
				for question, want := range map[string]string{
					"checkout.shop." + svc + " A":        "A " + address,
					"web-0.tokyo.web.sites." + svc:       "A 10.61.2.8",
					"-x " + address:                      "PTR checkout.shop." + svc,
					"-x fd00:128::20":                    "PTR thumbnails.media." + svc,
					"none." + svc + " A":                 "NXDOMAIN",
					"dns-version." + clusterset + " TXT": `TXT "1.1.0"`,
				} {
					if err := answers(t, s.port, question, want); err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	answer("10.128.0.10")
	serial := func() int { return int(dig(t, h.port, "SOA", clusterset).Answer[0].(*dns.SOA).Serial) }
	first, before := serial(), 0
	file := filepath.Join(manifests, "clustersetip.yaml")
	for was, is := range []string{"10.128.0.98", "10.128.0.99"} {
		before = serial()
		text := strings.ReplaceAll(readFile(t, file), []string{"10.128.0.10", "10.128.0.98"}[was], is)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		answer(is)
	}

	// What others with the key get, by the serial that they have.
	all := len(dig(t, h.port, "AXFR", clusterset, "-k", h.key).Answer)
	for have, want := range map[int]int{
		serial(): 1,   // nothing new
		before:   6,   // SOA records and the two addresses
		first:    all, // of before the journal begins
		1:        all,
	} {
		if got := dig(t, h.port, fmt.Sprintf("IXFR=%d", have), clusterset, "-k", h.key); len(got.Answer) != want {
			t.Errorf("IXFR=%d: %d records, not %d", have, len(got.Answer), want)
		}
	}

	// Nobody transfers the zones without the key.
	ports := []int{h.port}
	for _, s := range h.secondaries {
		ports = append(ports, s.port)
	}
	for _, port := range ports {
		if m, err := tryDig(t, port, "AXFR", clusterset); err == nil && len(m.Answer) > 0 {
			t.Errorf("a transfer without the key gives %d records", len(m.Answer))
		}
	}
	if m := dig(t, h.port, "AXFR", clusterset, "-k", h.key); len(m.Answer) < 10 {
		t.Errorf("a transfer with the key: %v", m)
	}
}
