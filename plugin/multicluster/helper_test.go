package multicluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/coredns/coredns/plugin/pkg/dnstest"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"
)

func init() { clog.Discard() }

const clusterset = "clusterset.local."

// put replaces a file at once, as zonegen does.
func put(t testing.TB, dir, name, text string) {
	t.Helper()
	tmp := filepath.Join(dir, ".tmp-"+name)
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

// fileOf is the name of a zone's file.
func fileOf(origin string) string { return "db." + strings.TrimSuffix(origin, ".") }

// old makes a file old enough to be complete, whoever wrote it.
func old(t testing.TB, dir, name string) {
	t.Helper()
	past := time.Now().Add(-time.Minute)
	if err := os.Chtimes(filepath.Join(dir, name), past, past); err != nil {
		t.Fatal(err)
	}
}

// zoneFile is a zone file that looks like one of zonegen's.
func zoneFile(origin string, serial uint32, lines ...string) string {
	return fmt.Sprintf("%s, for a test.\n$ORIGIN %s\n@ 5 IN SOA ns.dns hostmaster %d 7200 1800 86400 5\n@ 5 NS ns.dns\nns.dns 5 A 127.0.0.1\n%s\n%s",
		zone.FileMark, origin, serial, strings.Join(lines, "\n"), zone.EndLine(serial))
}

// with puts more text into a zone file that looks like one of zonegen's.
func with(file, more string) string {
	at := strings.LastIndex(file, zone.EndMark)
	return file[:at] + more + file[at:]
}

// plain changes the text of a zone file into one that says the same in another
// form, which only the general parser reads.
func plain(text string) string { return "$TTL 5\n" + text }

// loaded returns a handler that serves these zone files, and nothing is watched.
func loaded(t testing.TB, texts map[string]string, change ...func(*options)) *Multicluster {
	t.Helper()
	dir := t.TempDir()
	m := &Multicluster{zones: &zones{dir: dir}, Next: test.NextHandler(dns.RcodeRefused, nil)}
	names := make([]string, 0, len(texts))
	var forward []string
	for name, text := range texts {
		put(t, dir, fileOf(name), text)
		old(t, dir, fileOf(name))
		names = append(names, name)
		if !isReverse(name) {
			forward = append(forward, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return dns.CountLabel(b) - dns.CountLabel(a) })
	for _, name := range names {
		o := options{zone: name, dir: dir, forward: forward, limits: defaultLimits}
		for _, do := range change {
			do(&o)
		}
		z := newZone(o)
		z.series.begin()
		t.Cleanup(func() { z.series.end() })
		z.check(t.Context())
		if z.current.Load() == nil {
			t.Fatalf("zone %s does not load: %s\n%s", name, z.trouble, texts[name])
		}
		m.zones.zones = append(m.zones.zones, z)
	}
	return m
}

func noEndpoints(o *options) { o.noEndpoints = true }

// question is a query.
func question(name string, qtype uint16) *dns.Msg {
	m := new(dns.Msg)
	m.SetQuestion(name, qtype)
	return m
}

// ask returns what a handler answers over TCP. If it writes nothing, the code is that
// which it returns.
func ask(t testing.TB, h test.Handler, r *dns.Msg) *dns.Msg {
	t.Helper()
	w := dnstest.NewRecorder(&test.ResponseWriter{TCP: true})
	code, err := h.ServeDNS(context.Background(), w, r)
	if err != nil {
		t.Fatalf("%s: %v", r.Question[0].Name, err)
	}
	if w.Msg == nil {
		return new(dns.Msg).SetRcode(r, code)
	}
	return w.Msg
}

// brief is the code and the data of the answer section.
func brief(m *dns.Msg) string {
	out := dns.RcodeToString[m.Rcode]
	for _, rr := range m.Answer {
		out += " " + dns.TypeToString[rr.Header().Rrtype] + " " + strings.TrimPrefix(rr.String(), rr.Header().String())
	}
	return out
}

// randomServices are services with few names and addresses, so that they share
// both.
func randomServices(rng *rand.Rand, n int) []zone.Service {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	port := func() zone.Port {
		return zone.Port{Name: pick("", "http", "https", "dns"), Protocol: pick("TCP", "UDP", ""), Number: []int32{80, 443, 53, 8080}[rng.IntN(4)]}
	}
	address := func() string {
		if rng.IntN(4) == 0 {
			return fmt.Sprintf("fd00::%x", rng.IntN(600))
		}
		return fmt.Sprintf("10.0.%d.%d", rng.IntN(3), rng.IntN(60))
	}
	services := make([]zone.Service, n)
	for i := range services {
		s := zone.Service{Key: zone.Key{Namespace: fmt.Sprintf("n%d", rng.IntN(5)), Name: fmt.Sprintf("s%d", i)}, Type: zone.ClusterSetIP}
		if rng.IntN(2) == 0 {
			s.Type = zone.Headless
		}
		for range rng.IntN(3) {
			s.IPs = append(s.IPs, address())
		}
		for range rng.IntN(4) {
			s.Ports = append(s.Ports, port())
		}
		for j := range rng.IntN(4) {
			slice := zone.EndpointSlice{Name: fmt.Sprintf("%s-%d", s.Name, j), Cluster: pick("east", "west", "9", "bad.cluster")}
			for range rng.IntN(3) {
				slice.Ports = append(slice.Ports, port())
			}
			for range rng.IntN(8) {
				e := zone.Endpoint{Hostname: pick("", "", "web-0", "web-1"), Ready: rng.IntN(5) > 0}
				for range 1 + rng.IntN(2) {
					e.Addresses = append(e.Addresses, address())
				}
				slice.Endpoints = append(slice.Endpoints, e)
			}
			s.Slices = append(s.Slices, slice)
		}
		services[i] = s
	}
	return services
}

func newSet(t testing.TB, o zone.Options) *zone.Set {
	t.Helper()
	if o.TTL == 0 {
		o.TTL = 5
	}
	s, err := zone.NewSet(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// texts are the zone files of a set.
func texts(s *zone.Set, serial uint32) map[string]string {
	files := make(map[string]string)
	for _, snapshot := range s.Snapshots() {
		files[snapshot.Origin()] = string(snapshot.Append(nil, serial))
	}
	return files
}
