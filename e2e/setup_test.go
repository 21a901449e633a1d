package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// daemon is a zonegen that follows an API server.
type daemon struct {
	*process
	zones string // the folder of its zone files
	http  string // the URL of its endpoints
}

// runZonegen starts zonegen run with a kubeconfig and waits for nothing. When the test ends, the checkers read all that
// it has published. There is no guard unless the test asks for it: on the shared API server, other tests remove their
// services meanwhile.
func runZonegen(t testing.TB, kubeconfig string, args ...string) *daemon {
	t.Helper()
	zones, port := t.TempDir(), freePort(t)
	args = append([]string{
		"run", "--kubeconfig", kubeconfig, "--zone-dir", zones,
		"--http", loopback(port), "--min-interval", "20ms", "--deletion-guard", "0",
	}, args...)
	d := &daemon{run(t, zonegen(t), args...), zones, fmt.Sprintf("http://127.0.0.1:%d", port)}
	t.Cleanup(d.checkAll)
	return d
}

// ready waits until all zones are published.
func (d *daemon) ready() {
	d.t.Helper()
	d.waitHTTP(d.http+"/readyz", 200)
}

// file is the path of a zone's file.
func (d *daemon) file(origin string) string {
	return filepath.Join(d.zones, "db."+strings.TrimSuffix(origin, "."))
}

// serial is the serial of a zone's file.
func (d *daemon) serial(origin string) uint32 {
	d.t.Helper()
	for _, rr := range readZone(d.t, origin, d.file(origin)) {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial
		}
	}
	d.t.Fatalf("no SOA in %s", d.file(origin))
	return 0
}

// checkAll has all zone files read by the checkers of other servers and by our own.
func (d *daemon) checkAll() {
	d.t.Helper()
	files, err := filepath.Glob(filepath.Join(d.zones, "db.*"))
	if err != nil {
		d.t.Fatal(err)
	}
	if len(files) == 0 {
		return // nothing was published
	}
	for _, file := range files {
		checkZone(d.t, strings.TrimPrefix(filepath.Base(file), "db.")+".", file)
	}
	if code := run(d.t, zonegen(d.t), append([]string{"check"}, files...)...).wait(); code != 0 {
		d.t.Errorf("zonegen check has findings")
	}
}

// readZone reads a zone file, and what it includes.
func readZone(t testing.TB, origin, file string) []dns.RR {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []dns.RR
	zp := dns.NewZoneParser(f, origin, file)
	zp.SetIncludeAllowed(true)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		all = append(all, rr)
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// temporaries are the temporary files in a folder.
func temporaries(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, zone.TempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// answers returns nil if dig gets just these records, in whatever order and with whatever TTL. A want of a single
// rcode (NXDOMAIN, SERVFAIL, NODATA) is an answer without records.
func answers(t testing.TB, port int, question string, want ...string) error {
	m, err := tryDig(t, port, strings.Fields(question)...)
	if err != nil {
		return err
	}
	got := []string{dns.RcodeToString[m.Rcode]}
	if m.Rcode == dns.RcodeSuccess {
		got = []string{"NODATA"}
	}
	if len(m.Answer) > 0 {
		got = nil
	}
	for _, rr := range m.Answer {
		fields := strings.Fields(rr.String())
		got = append(got, strings.Join(fields[3:], " "))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("dig %s: %q, want %q", question, got, want)
	}
	return nil
}

// servers are CoreDNS servers that serve a folder of zone files in the stock ways, by name.
func servers(t testing.TB, zones string, origins ...string) map[string]int {
	t.Helper()
	ports := map[string]int{"file": freePort(t), "auto": freePort(t)}
	file := "reload 10s\n" // a Corefile's, which goes with all
	for _, origin := range origins {
		file += fmt.Sprintf("file %s %s {\n reload 20ms\n}\ntransfer %[2]s {\n to *\n}\n", filepath.Join(zones, "db."+strings.TrimSuffix(origin, ".")), origin)
	}
	runCoreDNS(t, ports["file"], file)
	runCoreDNS(t, ports["auto"], fmt.Sprintf("auto {\n directory %s ^db\\.(.*)$ {1}\n reload 20ms\n}\ntransfer {\n to *\n}\n", zones))
	return ports
}
