package check

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"
)

// mutations break each rule of judging in what package zone writes: in one file,
// the first occurrence of old becomes new. Also are rules that cannot but be broken
// by the same change.
var mutations = []struct {
	rule     Rule
	file     string
	old, new string
	also     []Rule
}{
	{RuleParse, forward, "10.0.0.80", "10.0.0.800", nil},
	{RuleParse, forward, "@ 5 AAAA fd00::80", "@ 5 AAAA (fd00::80", nil},
	{RuleInclude, forward, "@ 5 NS ns.dns\n", "$INCLUDE chunk\n", nil},
	{RuleGenerate, forward, "ns.dns 5 A 127.0.0.1", "$GENERATE 1-2 ns.dns 5 A 127.0.0.$", nil},
	{RuleEnd, forward, "; End of serial 17\n", "", nil},
	{RuleEnd, ipv4, "; End of serial 17\n", "; End of serial 17", nil},
	{RuleEnd, ipv6, "; End of serial 17\n", "; End of serial 18\n", nil},
	{RuleEnd, forward, " 17 7200", " 18 7200", nil},
	{RuleSOA, forward, "@ 5 IN SOA ns.dns hostmaster 17 7200 1800 86400 5\n", "", nil},
	{RuleSOA, forward, "@ 5 NS ns.dns\n", "@ 5 NS ns.dns\n@ 5 IN SOA ns.dns hostmaster 17 7200 1800 86400 5\n", nil},
	{RuleSOA, forward, "@ 5 IN SOA", "dns-version 28800 TXT \"1.1.0\"\n@ 5 IN SOA", []Rule{RuleDNSVersion, RuleDuplicate}},
	{RuleSOAOwner, forward, "$ORIGIN clusterset.local.\n@", "$ORIGIN clusterset.local.\nlocal.", []Rule{RuleOutOfZone}},
	{RuleSOAOwner, ipv6, "$ORIGIN ip6.arpa.\n", "$ORIGIN 0.0.d.f.ip6.arpa.\n", nil},
	{RuleSOANames, forward, "SOA ns.dns hostmaster", "SOA ns2.dns hostmaster", nil},
	{RuleSOANames, forward, "SOA ns.dns hostmaster", "SOA ns.dns admin", nil},
	{RuleSOANames, ipv4, "hostmaster.clusterset.local.", "admin.clusterset.local.", nil},
	{RuleSOATimers, forward, "7200", "7201", nil},
	{RuleSOATimers, forward, "1800", "1801", nil},
	{RuleSOATimers, forward, "86400", "86401", nil},
	{RuleSOATimers, ipv6, "86400 5", "86400 6", nil},
	{RuleSerial, ipv4, " 17 ", " 0 ", nil}, // and in the last line
	{RuleNS, forward, "@ 5 NS ns.dns\n", "", []Rule{RuleName}},
	{RuleNS, ipv4, "@ 5 NS ns.dns.clusterset.local.\n", "", nil},
	{RuleNS, forward, "@ 5 NS ns.dns\n", "@ 5 NS ns.dns\n@ 5 NS web.shop.svc\n", nil},
	{RuleNSAddress, forward, "ns.dns 5 A 127.0.0.1\n", "", nil},
	{RuleNSAddress, ipv6, "NS ns.dns", "NS gone.dns", []Rule{RuleSOANames}},
	{RuleDNSVersion, forward, "dns-version 28800 TXT \"1.1.0\"\n", "", nil},
	{RuleDNSVersion, forward, "\"1.1.0\"", "\"\"", nil},
	{RuleDNSVersion, forward, "28800", "5", nil},
	{RuleMarker, forward, "_zonegen.pod 5 TXT \"placeholder: the name above exists without records\"\n", "", nil},
	{RuleClass, forward, "@ 5 A 10.0.0.80", "@ 5 CH A 10.0.0.80", []Rule{RulePTRTarget}},
	{RuleOutOfZone, forward, "@ 5 A 10.0.0.80", "web.shop.svc.example. 5 A 10.0.0.80", []Rule{RulePTRTarget}},
	{RuleNameLength, forward, "_http._tcp 5", strings.Repeat(strings.Repeat("a", 60)+".", 4) + "_http._tcp 5", nil},
	{RuleNameCase, forward, "_http._tcp", "_HTTP._tcp", nil},
	{RuleNameCase, forward, "80 pg-0.east", "80 pg-0.East", nil},
	{RuleName, forward, "_http._tcp", "http.tcp.x", nil},
	{RuleName, forward, "pg-0.east 5 A", "east 5 A", []Rule{RuleSRVTarget, RulePTRTarget}},
	{RuleName, ipv4, "80 5 PTR", "80.1 5 PTR", nil},
	{RuleWildcard, forward, "_http._tcp 5 SRV", "* 5 SRV", nil},
	{RuleDelegation, forward, "_http._tcp", "sub 5 NS ns.dns.clusterset.local.\n_http._tcp", nil},
	{RuleType, forward, "_http._tcp 5 SRV 0 50 80 @", "_http._tcp 5 A 10.0.0.80", nil},
	{RuleType, forward, "_http._tcp 5 SRV 0 50 80 @", "_http._tcp 5 CNAME @", nil},
	{RuleAddress, forward, "10.1.0.10", "224.0.0.10", nil},
	{RuleTTLRange, forward, "_http._tcp 5", "_http._tcp 3601", nil},
	{RuleTTLRRset, forward, "@ 5 SRV 0 25 443", "@ 6 SRV 0 25 443", nil},
	{RuleTTLZone, ipv4, "80 5 PTR", "80 0 PTR", nil},
	{RuleDuplicate, forward, "@ 5 A 10.0.0.80\n", "@ 5 A 10.0.0.80\nweb.shop.svc.clusterset.local. 5 A 10.0.0.80\n", nil},
	{RuleRRsetSize, forward, "@ 5 A 10.0.0.80\n", "@ 5 A 10.0.0.80\n" + addresses(4062), nil},
	{RuleSRVData, forward, "SRV 0 50 80", "SRV 1 50 80", nil},
	{RuleSRVData, forward, "SRV 0 50 80 @", "SRV 0 0 80 @", nil},
	{RuleSRVData, forward, "SRV 0 50 80", "SRV 0 50 0", nil},
	{RuleSRVWeight, forward, "SRV 0 25 443", "SRV 0 24 443", nil},
	{RuleSRVWeight, forward, "_sql._tcp 5 SRV 0 50 80", "_sql._tcp 5 SRV 0 50 81 pg-0.east\n_sql._tcp 5 SRV 0 50 82 pg-0.east\n_sql._tcp 5 SRV 0 50 80", nil},
	{RuleSRVTarget, forward, "80 pg-0.east", "80 pg-2.east", nil},
	{RuleSRVTarget, forward, "443 @", "443 pg-0.east.pg.shop.svc.clusterset.local.", nil},
	{RulePTRSingle, ipv4, "80 5 PTR", "80 5 PTR web.shop.svc.example.\n80 5 PTR", nil},
	{RulePTRTarget, ipv4, "80 5 PTR", "81 5 PTR", nil},
	{RulePTRTarget, ipv6, "PTR web.shop", "PTR gone.shop", nil},
	{RulePTRTarget, ipv4, "PTR web.shop.svc", "PTR ns.dns", nil},
	{RulePTRTarget, forward, "fd00::80", "fd00::81", nil},
}

// addresses is as many A records of the owner @.
func addresses(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "@ 5 A 10.9.%d.%d\n", i>>8, i&255)
	}
	return b.String()
}

const (
	forward = "db.clusterset.local"
	ipv4    = "db.in-addr.arpa"
	ipv6    = "db.ip6.arpa"
)

// sound is a set of zones with all forms of names.
func sound(t testing.TB) map[string]string {
	t.Helper()
	set, err := zone.NewSet(zone.Options{TTL: 5})
	if err != nil {
		t.Fatal(err)
	}
	if problems := set.Apply(zone.Changes{Services: []zone.Service{
		{Key: zone.Key{Namespace: "shop", Name: "web"}, Type: zone.ClusterSetIP, IPs: []string{"10.0.0.80", "fd00::80"}, Ports: []zone.Port{{Name: "http", Number: 80}, {Number: 443}}},
		{Key: zone.Key{Namespace: "shop", Name: "pg"}, Type: zone.Headless, Slices: []zone.EndpointSlice{{
			Cluster: "east", Ports: []zone.Port{{Name: "sql", Number: 80}},
			Endpoints: []zone.Endpoint{{Hostname: "pg-0", Addresses: []string{"10.1.0.10"}, Ready: true}, {Hostname: "pg-1", Addresses: []string{"10.1.0.11"}, Ready: true}},
		}}},
	}}); len(problems) > 0 {
		t.Fatal(problems)
	}
	files := make(map[string]string)
	for _, s := range set.Snapshots() {
		files["db."+strings.TrimSuffix(s.Origin(), ".")] = string(s.Append(nil, 17))
	}
	return files
}

// judgeText judges files that are in memory.
func judgeText(t testing.TB, files map[string]string) Report {
	t.Helper()
	var zones []*Zone
	for _, name := range []string{forward, ipv4, ipv6} {
		z, err := Read(strings.NewReader(files[name]), Source{Name: name, Origin: originOf(name)})
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, z)
	}
	return Judge(zones...)
}

// TestLargestRRset checks the limit from below.
func TestLargestRRset(t *testing.T) {
	files := sound(t)
	files[forward] = strings.Replace(files[forward], "@ 5 A 10.0.0.80\n", "@ 5 A 10.0.0.80\n"+addresses(4061), 1)
	if report := judgeText(t, files); len(report.Findings) > 0 {
		t.Error(text(report))
	}
}

// TestMutations breaks each rule once, and expects findings of it and of no other.
func TestMutations(t *testing.T) {
	if report := judgeText(t, sound(t)); len(report.Findings) > 0 {
		t.Fatalf("before any change:\n%s", text(report))
	}
	tried := map[Rule]bool{RuleSize: true}
	for _, m := range mutations {
		tried[m.rule] = true
		files := sound(t)
		if !strings.Contains(files[m.file], m.old) {
			t.Fatalf("%s: %s does not hold %q:\n%s", m.rule, m.file, m.old, files[m.file])
		}
		files[m.file] = strings.Replace(files[m.file], m.old, m.new, 1)
		if m.rule == RuleSerial {
			files[m.file] = strings.Replace(files[m.file], "serial 17\n", "serial 0\n", 1)
		}
		report := judgeText(t, files)
		want, got := append([]Rule{m.rule}, m.also...), make([]Rule, 0)
		for _, f := range report.Findings {
			got = append(got, f.Rule)
		}
		slices.Sort(want)
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%s: %q became %.200q: findings of %v, want %v:\n%s", m.file, m.old, m.new, got, want, text(report))
		}
	}
	for _, rule := range Rules {
		if !tried[rule] {
			t.Errorf("no mutation breaks the rule %s", rule)
		}
	}
}
