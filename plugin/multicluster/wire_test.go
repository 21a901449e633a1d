package multicluster

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestTruncation: what does not fit is cut by CoreDNS, and comes over TCP.
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
		`coredns_multicluster_zone_serial{zone="clusterset.local."} 4e+09`,
		`coredns_multicluster_records{zone="clusterset.local."} 3`,
		`coredns_multicluster_load_failures_total{zone="clusterset.local."} 0`,
		`coredns_multicluster_load_duration_seconds_count{zone="clusterset.local."} 1`,
		`coredns_multicluster_last_successful_load_timestamp_seconds{zone="clusterset.local."} `,
		`coredns_plugin_enabled{name="multicluster",`,
	} {
		if !strings.Contains(string(body), "\n"+line) {
			t.Errorf("there is no line %s", line)
		}
	}
}
