package check

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// FuzzRead gives arbitrary text to the reader, as a forward and as a reverse zone
// that include each other, and asserts that it ends, makes no more records than
// there are lines, asks for plain names only, and points to lines that there are.
func FuzzRead(f *testing.F) {
	for _, archive := range goldens(f, "testdata/*.txtar") {
		for _, file := range archive.Files {
			f.Add(string(file.Data), string(file.Data))
		}
	}
	for _, evil := range []string{
		"$GENERATE 1-65535 x$ A 10.0.0.1\n", "($GENER\r\nATE ) 1-65535 x$ A 10.0.0.1\n", "(;)\n$\r(GENERATE 1-1 $$INCLUDE /etc/passwd\n",
		"$TTL 5\n$GENERATE\t1-65535/2 ${0,0,x} TXT a\n", "5(;c\n$GENERATE 1-65535 x$ A 10.0.0.1\n)", "\\$GENERATE 1-65535 A 10.0.0.1", "@ 5 TXT a(\n$GENERATE 1-65535 x$ A 10.0.0.1",
		"$INCLUDE chunk\n$INCLUDE chunk\n$INCLUDE chunk chunk.example.", "$INCLUDE ../x", "$INCLUDE zone\\ folder/x", "$INCLUDE /zone\\ folder/x", "@ 5 A", "@ 5 SRV", "@ 5 SOA", "@ 5 TYPE1 \\# 4 01020304", "a 5 ANY",
	} {
		f.Add(evil, evil)
	}
	f.Fuzz(func(t *testing.T, text, chunk string) {
		lines := map[string]int{"zones/db.x": 1 + strings.Count(text, "\n"), "zones/chunk": 1 + strings.Count(chunk, "\n")}
		included := 0
		include := func(name string) (io.ReadCloser, error) {
			if strings.ContainsAny(name, `/\`) || name == "" || name == "." || name == ".." {
				t.Errorf("asked for the file %q", name)
			}
			included++
			return io.NopCloser(strings.NewReader(chunk)), nil
		}
		var zones []*Zone
		for _, origin := range []string{"clusterset.local.", "10.in-addr.arpa.", ""} {
			z, err := read(strings.NewReader(text), Source{Name: "zones/db.x", Origin: origin, Include: include}, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			if most := lines["zones/db.x"] + included*(1+strings.Count(chunk, "\n")); len(z.Records) > most {
				t.Errorf("%d records from %d lines", len(z.Records), most)
			}
			for _, r := range z.Records {
				if most, ok := lines[r.File]; ok && (r.Line < 1 || r.Line > most) {
					t.Errorf("%s: in line %d of %d", r.RR, r.Line, most)
				}
			}
			zones = append(zones, z)
		}
		for _, finding := range Judge(zones...).Findings {
			for _, b := range []byte(finding.String()) {
				if b < ' ' || b > '~' {
					t.Errorf("a finding holds the byte %#x: %q", b, finding.String())
				}
			}
		}
	})
}

// FuzzZonegen asserts that whatever services there are, what package zone makes of
// them has no findings: the rules here and the text there are two accounts of one
// contract.
func FuzzZonegen(f *testing.F) {
	f.Add("shop", "web", "10.0.0.1", "http", "east", "web-0", "10.1.0.1", int32(80), uint32(5))
	f.Add("shop", "web", "fd00::", "dns", "EAST", "", "::ffff:10.1.0.1", int32(-1), uint32(0))
	f.Add("svc", "pod", "10.0.0.255", "http", "svc", "svc", "fd00::1", int32(65535), uint32(3600))
	f.Add("x", strings.Repeat("a", 63), "10.0.0.1", strings.Repeat("p", 62), strings.Repeat("c", 63), strings.Repeat("h", 63), "10.0.0.1", int32(1), uint32(1))
	f.Add("_zonegen", "*", "0.0.0.0", "_tcp", "a.b", "_", "224.0.0.1", int32(0), uint32(1))
	f.Fuzz(func(t *testing.T, namespace, name, ip, port, cluster, host, address string, number int32, ttl uint32) {
		set, err := zone.NewSet(zone.Options{TTL: ttl % (zone.MaxTTL + 1), Zones: []string{"clusterset.local", "clusterset.example"}})
		if err != nil {
			t.Fatal(err)
		}
		ports := []zone.Port{{Name: port, Number: number}, {Name: port, Protocol: "udp", Number: 53}, {Name: port, Number: 81}, {Number: 80}}
		slices := []zone.EndpointSlice{
			{Cluster: cluster, Ports: ports, Endpoints: []zone.Endpoint{{Hostname: host, Addresses: []string{address, ip}, Ready: true}, {Addresses: []string{address, "10.1.0.2"}, Ready: true}}},
			{Cluster: "east", Endpoints: []zone.Endpoint{{Hostname: host, Addresses: []string{"fd00::1"}, Ready: true}, {Addresses: []string{address}, Ready: true}, {Addresses: []string{"10.1.0.3"}}}},
		}
		set.Apply(zone.Changes{Namespaces: []string{namespace, host, "empty"}, Services: []zone.Service{
			{Key: zone.Key{Namespace: namespace, Name: name + "-vip"}, Type: zone.ClusterSetIP, IPs: []string{ip, address}, Ports: ports, Slices: slices},
			{Key: zone.Key{Namespace: namespace, Name: name}, Type: zone.Headless, Slices: slices},
			{Key: zone.Key{Namespace: "shop", Name: host + "-pending"}, Type: zone.ClusterSetIP, Ports: ports},
		}})
		var zones []*Zone
		for _, s := range set.Snapshots() {
			z, err := Read(strings.NewReader(string(s.Append(nil, zone.NextSerial(0, time.Unix(1, 0))))), Source{Name: "db." + strings.TrimSuffix(s.Origin(), "."), Origin: s.Origin()})
			if err != nil {
				t.Fatal(err)
			}
			zones = append(zones, z)
		}
		report := Judge(zones...)
		for _, s := range report.Zones {
			if s.Findings > 0 || s.Unchecked > 0 || !s.Judged {
				t.Errorf("%s", text(report))
			}
		}
	})
}

// FuzzReverseAddress compares the reader of reverse names with the writer of
// miekg/dns.
func FuzzReverseAddress(f *testing.F) {
	for _, name := range []string{"1.0.0.10.in-addr.arpa.", "01.0.0.10.in-addr.arpa.", "+1.0.0.10.in-addr.arpa.", "1.0.0.0.10.in-addr.arpa.", "..in-addr.arpa.", strings.Repeat("f.", 32) + "ip6.arpa.", strings.Repeat("-.", 32) + "ip6.arpa."} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		a, ok := ReverseAddress(name)
		if !ok {
			return
		}
		if back, err := dns.ReverseAddr(a.String()); err != nil || back != name {
			if !a.Is4In6() { // which has a dotted form that miekg/dns takes for IPv4
				t.Errorf("%q is taken for the name of %s, which has %q, %v", name, a, back, err)
			}
		}
	})
}
