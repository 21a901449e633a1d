package multicluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/fall"
)

func TestParse(t *testing.T) {
	reverse4 := []string{"3.2.1.in-addr.arpa."}
	for _, test := range []struct {
		name, block string
		keys        []string
		zones       []string
		dir         string
		fall        fall.F
		poll        time.Duration
		timeout     time.Duration
		noEndpoints bool
		journal     journalLimits
	}{
		{name: "the least", block: "multicluster", keys: []string{"clusterset.local.:53"}, zones: []string{clusterset}},
		{name: "a zone", block: "multicluster clusterset.local", keys: []string{".:53"}, zones: []string{clusterset}},
		{name: "no zone at all", block: "multicluster"},
		{name: "case", block: "multicluster ClusterSet.LOCAL", zones: []string{clusterset}},
		{name: "several", block: "multicluster clusterset.local other.example ip6.arpa", zones: []string{clusterset, "ip6.arpa.", "other.example."}},
		{name: "one within the other", block: "multicluster local clusterset.local", zones: []string{clusterset, "local."}},
		{name: "one twice", block: "multicluster clusterset.local b.example CLUSTERSET.local.", zones: []string{"b.example.", clusterset}},
		{name: "a network", block: "multicluster 1.2.3.0/24", zones: reverse4},
		{name: "a network in the server block", block: "multicluster", keys: []string{"3.2.1.in-addr.arpa.:53"}, zones: reverse4},
		{name: "a network off the border", block: "multicluster 10.0.0.0/15", zones: []string{"0.10.in-addr.arpa.", "1.10.in-addr.arpa."}},
		{name: "an IPv6 network", block: "multicluster fd00::/8", zones: []string{"d.f.ip6.arpa."}},
		{name: "directory", block: "multicluster z {\ndirectory /var/lib/zones\n}", zones: []string{"z."}, dir: "/var/lib/zones"},
		{name: "noendpoints", block: "multicluster z {\nnoendpoints\n}", zones: []string{"z."}, noEndpoints: true},
		{name: "fallthrough", block: "multicluster z {\nfallthrough\n}", zones: []string{"z."}, fall: fall.Root},
		{name: "fallthrough with zones", block: "multicluster z {\nfallthrough in-addr.arpa IP6.arpa\n}", zones: []string{"z."}, fall: fall.F{Zones: []string{"in-addr.arpa.", "ip6.arpa."}}},
		{name: "fallthrough with a network", block: "multicluster z {\nfallthrough 1.2.3.0/24\n}", zones: []string{"z."}, fall: fall.F{Zones: reverse4}},
		{name: "reload", block: "multicluster z {\nreload 2s\n}", zones: []string{"z."}, poll: 2 * time.Second},
		{name: "no reload", block: "multicluster z {\nreload 0\n}", zones: []string{"z."}, poll: -1},
		{name: "startup_timeout", block: "multicluster z {\nstartup_timeout 1m\n}", zones: []string{"z."}, timeout: time.Minute},
		{name: "no startup_timeout", block: "multicluster z {\nstartup_timeout 0s\n}", zones: []string{"z."}, timeout: -1},
		{name: "journal", block: "multicluster z {\njournal 7\n}", zones: []string{"z."}, journal: journalLimits{7, 64 << 20}},
		{name: "journal with a size", block: "multicluster z {\njournal 7 3\n}", zones: []string{"z."}, journal: journalLimits{7, 3 << 20}},
		{name: "no journal", block: "multicluster z {\njournal 0\n}", zones: []string{"z."}, journal: journalLimits{0, 64 << 20}},
		{
			name: "all", block: "multicluster a b {\nnoendpoints\nfallthrough b\ndirectory /d\nstartup_timeout 1s\nreload 3s\n}",
			zones: []string{"a.", "b."}, dir: "/d", noEndpoints: true, fall: fall.F{Zones: []string{"b."}}, poll: 3 * time.Second, timeout: time.Second,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := caddy.NewTestController("dns", test.block)
			c.ServerBlockKeys = test.keys
			m, err := parse(c)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, z := range m.zones.zones {
				names = append(names, z.name)
				if slices.ContainsFunc(z.loader.forward, isReverse) {
					t.Errorf("forward zones are %v", z.loader.forward)
				}
				if want := or(test.journal, defaultJournal); z.loader.journal != want {
					t.Errorf("zone %s: journal is %v, not %v", z.name, z.loader.journal, want)
				}
				if z.loader.noEndpoints != test.noEndpoints {
					t.Errorf("zone %s: noendpoints is %v", z.name, z.loader.noEndpoints)
				}
			}
			slices.Sort(names)
			slices.Sort(test.zones)
			if !slices.Equal(names, test.zones) {
				t.Errorf("zones are %v, not %v", names, test.zones)
			}
			if want := or(test.dir, "/zones"); m.dir != want {
				t.Errorf("directory is %s, not %s", m.dir, want)
			}
			if want := max(0, or(test.poll, 30*time.Second)); m.poll != want {
				t.Errorf("reload is %s, not %s", m.poll, want)
			}
			if want := max(0, or(test.timeout, 5*time.Second)); m.startupTimeout != want {
				t.Errorf("startup_timeout is %s, not %s", m.startupTimeout, want)
			}
			if !slices.Equal(m.Fall.Zones, test.fall.Zones) {
				t.Errorf("fallthrough is %v, not %v", m.Fall.Zones, test.fall.Zones)
			}
		})
	}
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

func TestParseErrors(t *testing.T) {
	for _, test := range []struct{ block, want string }{
		{"multicluster z {\nunknown\n}", "unknown property 'unknown'"},
		{"multicluster z {\ndirectory\n}", "Wrong argument count"},
		{"multicluster z {\ndirectory a b\n}", "Wrong argument count"},
		{"multicluster z {\nnoendpoints yes\n}", "Wrong argument count"},
		{"multicluster z {\nreload\n}", "Wrong argument count"},
		{"multicluster z {\nreload 1s 2s\n}", "Wrong argument count"},
		{"multicluster z {\nreload soon\n}", `reload: time: invalid duration "soon"`},
		{"multicluster z {\nreload 30\n}", "reload: time: missing unit"},
		{"multicluster z {\nreload -1s\n}", "reload: '-1s' is negative"},
		{"multicluster z {\nstartup_timeout\n}", "Wrong argument count"},
		{"multicluster z {\nstartup_timeout never\n}", "startup_timeout: time: invalid duration"},
		{"multicluster z {\nstartup_timeout -5s\n}", "startup_timeout: '-5s' is negative"},
		{"multicluster z {\nkubeconfig /root/.kube/config\n}", "zonegen run --kubeconfig FILE [--context CONTEXT] --zone-dir DIR"},
		{"multicluster z {\njournal\n}", "Wrong argument count"},
		{"multicluster z {\njournal 1 2 3\n}", "Wrong argument count"},
		{"multicluster z {\njournal -1\n}", "journal: '-1' is no number from 0 to 1048575"},
		{"multicluster z {\njournal 10 0\n}", "journal: no version fits into 0 MiB; to keep none, use 'journal 0'"},
		{"multicluster z {\njournal 1 64M\n}", "journal: '64M' is no number"},
		{"multicluster z {\nkubeconfig\n}", "never connects to the Kubernetes API"},
		{"multicluster .", "the root is no zone of services"},
		{"multicluster bad..name", "'bad..name' is no zone"},
		{"multicluster clusterset.local 10.0.0.0/33", "'10.0.0.0/33.' cannot be part of the name of a file"},
		{"multicluster z {\nfallthrough z not..valid\n}", "'not..valid' is no zone"},
		{"multicluster 0/25.2.0.192.in-addr.arpa", "cannot be part of the name of a file"},
		{"multicluster a\nmulticluster b", "plugin can only be used once per Server Block"},
		{"multicluster z {\nttl 5\n}", "unknown property 'ttl'"},
	} {
		_, err := parse(caddy.NewTestController("dns", test.block))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error is %v, not %s", test.block, err, test.want)
		}
		if err := setup(caddy.NewTestController("dns", test.block)); err == nil || !strings.HasPrefix(err.Error(), "plugin/multicluster: ") {
			t.Errorf("%s: error is %v", test.block, err)
		}
	}
}

func TestDirectoryIsBelowRoot(t *testing.T) {
	for directory, want := range map[string]string{"zones": "/srv/dns/zones", "/zones": "/zones", "../zones": "/srv/zones"} {
		c := caddy.NewTestController("dns", "multicluster z {\ndirectory "+directory+"\n}")
		dnsserver.GetConfig(c).Root = "/srv/dns"
		m, err := parse(c)
		if err != nil {
			t.Fatal(err)
		}
		if m.dir != want {
			t.Errorf("%s: %s, not %s", directory, m.dir, want)
		}
	}
}
