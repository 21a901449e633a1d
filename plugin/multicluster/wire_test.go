package multicluster

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/miekg/dns"
)

// TestTruncation: an answer that does not fit is cut by CoreDNS, and comes over TCP.
func TestTruncation(t *testing.T) {
	dir := t.TempDir()
	var lines []string
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("@ 5 A 192.0.2.%d", i), fmt.Sprintf("@ 5 SRV 0 1 80 h%d.east", i), fmt.Sprintf("h%d.east 5 A 192.0.2.%d", i, i))
	}
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, append([]string{"$ORIGIN a.b.svc.clusterset.local. ; headless"}, lines...)...))
	s := serverOn(t, dir, simple)
	for _, qtype := range []uint16{dns.TypeA, dns.TypeSRV} {
		for _, size := range []uint16{0, 512, 1232, 4096} {
			r := question("a.b.svc.clusterset.local.", qtype)
			limit := 512
			if size > 0 {
				r.SetEdns0(size, false)
				limit = int(size)
			}
			got := s.exchange(t, "udp", r)
			got.Compress = true
			if n := got.Len(); got.Truncated != (len(got.Answer) < 200) || size < 4096 && !got.Truncated || n > limit || len(got.Answer) == 0 || (got.IsEdns0() != nil) != (size > 0) {
				t.Errorf("%s, %d octets: %d octets with %d records, truncated %v", dns.Type(qtype), size, n, len(got.Answer), got.Truncated)
			}
		}
		got := s.exchange(t, "tcp", question("a.b.svc.clusterset.local.", qtype))
		if got.Truncated || len(got.Answer) != 200 || len(got.Ns) != 1 || len(got.Extra) != map[uint16]int{dns.TypeA: 0, dns.TypeSRV: 200}[qtype] {
			t.Errorf("%s over TCP: %d, %d, %d records", dns.Type(qtype), len(got.Answer), len(got.Ns), len(got.Extra))
		}
	}
}

// TestAdditionalIsOptional: an answer that fits comes without TC, with as many whole
// RRsets of addresses as there is room for.
func TestAdditionalIsOptional(t *testing.T) {
	dir := t.TempDir()
	lines := []string{"$ORIGIN a.b.svc.clusterset.local. ; headless"}
	for i := range 10 {
		lines = append(lines, fmt.Sprintf("@ 5 SRV 0 1 80 h%d.east", i))
	}
	for i := range 10 {
		for j := range 3 {
			lines = append(lines, fmt.Sprintf("h%d.east 5 A 192.0.2.%d", i, 10*i+j))
		}
		lines = append(lines, fmt.Sprintf("h%d.east 5 AAAA 2001:db8::%d", i, i))
	}
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1, lines...))
	s := serverOn(t, dir, simple)
	for _, test := range []struct {
		size      uint16
		truncated bool
		ns, extra int
	}{
		{0, true, 0, 0},
		{600, false, 1, 0},
		{750, false, 1, 8}, // of two endpoints
		{776, false, 1, 8},
		{800, false, 1, 11},
		{4096, false, 1, 40},
	} {
		r := question("a.b.svc.clusterset.local.", dns.TypeSRV)
		if test.size > 0 {
			r.SetEdns0(test.size, false)
		}
		got := s.exchange(t, "udp", r)
		extra := len(got.Extra)
		if got.IsEdns0() != nil {
			extra--
		}
		if got.Truncated != test.truncated || (len(got.Answer) == 10) == test.truncated || len(got.Ns) != test.ns || extra != test.extra {
			t.Errorf("%d octets: %d, %d, %d records, truncated %v", test.size, len(got.Answer), len(got.Ns), extra, got.Truncated)
		}
	}
}

// TestNoTruncationOverTCP: an answer that fits into the largest message there is,
// although the addresses of its targets do not. A resolver may take TC over TCP for a
// failure.
func TestNoTruncationOverTCP(t *testing.T) {
	dir := t.TempDir()
	set := newSet(t, zone.Options{NoReverse: true})
	services := clusterOf(1, 750)
	set.Apply(zone.Changes{Services: services})
	put(t, dir, "db.clusterset.local", string(set.Snapshots()[0].Append(nil, 1)))
	s := serverOn(t, dir, simple)
	got := s.exchange(t, "tcp", question("_http._tcp."+services[0].Name+"."+services[0].Namespace+".svc.clusterset.local.", dns.TypeSRV))
	if got.Truncated || len(got.Answer) != 750 || len(got.Extra) >= 750 {
		t.Errorf("%d, %d, %d records, truncated %v", len(got.Answer), len(got.Ns), len(got.Extra), got.Truncated)
	}
}

// TestPrometheus: the metrics are where the plugin prometheus shows them.
func TestPrometheus(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 4_000_000_000))
	address := "127.0.0.1:" + freePort(t)
	serverOn(t, dir, strings.Replace(simple, "multicluster", "prometheus "+address+"\nmulticluster", 1))
	reply, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	body, _ := io.ReadAll(reply.Body)
	for _, line := range []string{
		`coredns_multicluster_zone_serial{server="dns://127.0.0.1:0",view="",zone="clusterset.local."} 4e+09`,
		`coredns_multicluster_records{server="dns://127.0.0.1:0",view="",zone="clusterset.local."} 3`,
		`coredns_multicluster_load_failures_total{server="dns://127.0.0.1:0",view="",zone="clusterset.local."} 0`,
		`coredns_multicluster_load_duration_seconds_count{server="dns://127.0.0.1:0",view="",zone="clusterset.local."} 1`,
		`coredns_multicluster_last_successful_load_timestamp_seconds{server="dns://127.0.0.1:0",view="",zone="clusterset.local."} `,
		`coredns_multicluster_transfers_total{kind="incremental",server="dns://127.0.0.1:0",view="",zone="clusterset.local."} 0`,
		`coredns_plugin_enabled{name="multicluster",`,
	} {
		if !strings.Contains(string(body), "\n"+line) {
			t.Errorf("there is no line %s", line)
		}
	}
}
