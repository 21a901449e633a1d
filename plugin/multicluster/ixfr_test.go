package multicluster

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/miekg/dns"
)

// secondary holds the records of one version of a zone, as text.
type secondary struct {
	serial  uint32
	records map[string]bool
}

// serialOf returns the serial of a record that must be an SOA.
func serialOf(t testing.TB, rr dns.RR) uint32 {
	t.Helper()
	soa, ok := rr.(*dns.SOA)
	if !ok {
		t.Fatalf("%s is no SOA", rr)
	}
	return soa.Serial
}

// update asks for what is new, and takes it in as RFC 1995 section 4 says. It
// reports whether that was a difference.
func (s *secondary) update(t testing.TB, all []dns.RR) (incremental bool) {
	t.Helper()
	serial := serialOf(t, all[0])
	if len(all) == 1 {
		if zone.SerialLess(s.serial, serial) {
			t.Fatalf("serial %d gets nothing but that serial %d is there", s.serial, serial)
		}
		return false
	}
	if serialOf(t, all[len(all)-1]) != serial {
		t.Fatalf("it begins with %s and ends with %s", all[0], all[len(all)-1])
	}
	inner := all[1 : len(all)-1]
	_, incremental = inner[0].(*dns.SOA)
	if !incremental {
		s.records = map[string]bool{all[0].String(): true}
	} else if first := serialOf(t, inner[0]); first != s.serial {
		t.Fatalf("the difference is from %d, not from %d", first, s.serial)
	}
	gone := false
	for _, rr := range inner {
		line := rr.String()
		if rr.Header().Rrtype == dns.TypeSOA {
			gone = !gone
		}
		if s.records[line] != (incremental && gone) {
			t.Fatalf("gone: %v, there: %v: %s", gone, s.records[line], line)
		}
		if gone {
			delete(s.records, line)
		} else {
			s.records[line] = true
		}
	}
	s.serial = serial
	return incremental
}

func (s *secondary) dump() string {
	lines := make([]string, 0, len(s.records))
	for line := range s.records {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// TestIncrementalTransfers makes random changes, in both layouts and in a form
// that only the general parser reads. Secondaries follow each at their own pace.
func TestIncrementalTransfers(t *testing.T) {
	for _, layout := range []string{"single", "chunked", "plain"} {
		for _, noEndpoints := range []bool{false, true} {
			t.Run(fmt.Sprint(layout, " noendpoints=", noEndpoints), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(7, 11))
				dir := t.TempDir()
				set := newSet(t, zone.Options{})
				var zones []*fileZone
				for _, s := range set.Snapshots() {
					z := newZone(options{
						zone: s.Origin(), dir: dir, forward: []string{clusterset}, noEndpoints: noEndpoints,
						limits: defaultLimits, journal: journalLimits{versions: 15, octets: 1 << 20},
					})
					z.series.begin()
					t.Cleanup(func() { z.series.end() })
					zones = append(zones, z)
				}
				secondaries := make([][4]secondary, len(zones))
				differences, whole := 0, 0
				serial := uint32(math.MaxUint32 - 25) // it wraps on the way
				for round := range 50 {
					services := randomServices(rng, 25)
					n := 1 + rng.IntN(3)
					if round == 0 {
						n = len(services)
					}
					set.Apply(zone.Changes{Services: services[:n]})
					if serial++; serial == 0 {
						serial++
					}
					for i, s := range set.Snapshots() {
						z := zones[i]
						writeLayout(t, dir, s, serial, layout)
						z.check(t.Context())
						current := z.current.Load()
						if current == nil || current.serial() != serial {
							t.Fatalf("%s does not load: %s", z.name, z.trouble)
						}
						fresh := secondary{records: map[string]bool{}}
						fresh.update(t, transferred(t, zonesOf(z), z.name, 0))
						for j := range secondaries[i] {
							s := &secondaries[i][j]
							if j > 0 && rng.IntN(4*j) > 0 {
								continue
							}
							got := transferred(t, zonesOf(z), z.name, s.serial)
							if s.update(t, got) {
								differences++
							} else {
								whole++
							}
							if s.dump() != fresh.dump() {
								t.Fatalf("round %d: a secondary has\n%s\nnot\n%s", round, s.dump(), fresh.dump())
							}
						}
					}
				}
				if differences < 4*whole {
					t.Errorf("%d differences, %d whole transfers", differences, whole)
				}
			})
		}
	}
}

func zonesOf(z *fileZone) *zones { return &zones{zones: []*fileZone{z}} }

// TestIncrementalAnswers is what secondaries get after versions of a small zone.
func TestIncrementalAnswers(t *testing.T) {
	type version struct {
		serial uint32
		file   string
	}
	v := func(serial uint32, lines ...string) version {
		return version{serial, zoneFile(clusterset, serial, lines...)}
	}
	hosts := func(n int) (lines []string) {
		for i := range n {
			lines = append(lines, fmt.Sprintf("h%d.a.b.svc 5 A 192.0.2.%d", i, i))
		}
		return lines
	}
	for _, test := range []struct {
		name     string
		versions []version // after the first one
		journal  journalLimits
		serial   uint32
		want     string // "whole", or a line for each record
	}{
		{
			"one record comes",
			[]version{v(1), v(2, "a.b.svc 5 A 192.0.2.1")},
			defaultJournal, 1,
			"SOA 2, SOA 1, SOA 2, a.b.svc 5 A 192.0.2.1, SOA 2",
		},
		{
			"one record goes",
			[]version{v(1, "a.b.svc 5 A 192.0.2.1"), v(2)},
			defaultJournal, 1,
			"SOA 2, SOA 1, a.b.svc 5 A 192.0.2.1, SOA 2, SOA 2",
		},
		{
			"a TTL",
			[]version{v(1, "a.b.svc 5 A 192.0.2.1"), v(2, "a.b.svc 6 A 192.0.2.1")},
			defaultJournal, 1,
			"SOA 2, SOA 1, a.b.svc 5 A 192.0.2.1, SOA 2, a.b.svc 6 A 192.0.2.1, SOA 2",
		},
		{"the serial only", []version{v(1), v(2)}, defaultJournal, 1, "SOA 2, SOA 1, SOA 2, SOA 2"},
		{
			"a name server",
			[]version{v(1), {2, strings.Replace(zoneFile(clusterset, 2), "NS ns.dns", "NS other.dns", 1)}},
			defaultJournal, 1,
			"SOA 2, SOA 1, @ 5 NS ns.dns, SOA 2, @ 5 NS other.dns, SOA 2",
		},
		{
			"there and back",
			[]version{v(1, "a.b.svc 5 A 192.0.2.1"), v(2), v(3, "a.b.svc 5 A 192.0.2.1")},
			defaultJournal, 1,
			"SOA 3, SOA 1, SOA 3, SOA 3",
		},
		{
			"from the middle",
			[]version{v(1), v(2, hosts(1)...), v(3, hosts(2)...)},
			defaultJournal, 2,
			"SOA 3, SOA 2, SOA 3, h1.a.b.svc 5 A 192.0.2.1, SOA 3",
		},
		{"current", []version{v(1), v(2)}, defaultJournal, 2, "SOA 2"},
		{"newer", []version{v(1), v(2)}, defaultJournal, 9, "SOA 2"},
		{"unknown", []version{v(10), v(20)}, defaultJournal, 15, "whole"},
		{"older than the journal", []version{v(10), v(20)}, defaultJournal, 9, "whole"},
		{"too many versions", []version{v(1), v(2), v(3), v(4)}, journalLimits{2, 1 << 20}, 1, "whole"},
		{"as many as it may keep", []version{v(1), v(2), v(3)}, journalLimits{2, 1 << 20}, 1, "SOA 3, SOA 1, SOA 3, SOA 3"},
		{"too many octets", []version{v(1, hosts(3)...), v(2, hosts(2)...)}, journalLimits{10, 100}, 1, "whole"},
		{"no journal", []version{v(1), v(2)}, journalLimits{}, 1, "whole"},
		{"more than the zone", []version{v(1, hosts(40)...), v(2)}, defaultJournal, 1, "whole"},
		{"the serial went back", []version{v(5), v(7), v(6), v(8)}, defaultJournal, 5, "whole"},
		{"a serial that went back", []version{v(5), v(7), v(6), v(8)}, defaultJournal, 6, "whole"},
		{"after it went back", []version{v(5), v(7), v(6), v(8), v(9)}, defaultJournal, 8, "SOA 9, SOA 8, SOA 9, SOA 9"},
		{"the first version", []version{v(2), v(3)}, defaultJournal, 1, "whole"},
		{"a serial that stood for two versions", []version{v(1), v(2, hosts(1)...), v(2, hosts(2)...), v(3)}, defaultJournal, 2, "whole"},
		{"before it", []version{v(1), v(2, hosts(1)...), v(2, hosts(2)...), v(3)}, defaultJournal, 1, "whole"},
		{"a zone that CoreDNS' file package held between", []version{v(1), v(2, "c CNAME d"), v(3)}, defaultJournal, 1, "whole"},
		{"2^31 ahead", []version{v(1), v(1 + 1<<31)}, defaultJournal, 1, "whole"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			z := newZone(options{zone: clusterset, dir: dir, limits: defaultLimits, journal: test.journal})
			z.series.begin()
			defer z.series.end()
			for _, v := range append([]version{v(test.versions[0].serial - 1)}, test.versions...) {
				put(t, dir, fileOf(clusterset), v.file)
				z.check(t.Context())
				if s := z.current.Load(); s == nil || s.serial() != v.serial {
					t.Fatalf("serial %d does not load: %s", v.serial, z.trouble)
				}
			}
			var lines []string
			all := transferred(t, zonesOf(z), clusterset, test.serial)
			for _, rr := range all {
				line := strings.Join(strings.Fields(strings.Replace(rr.String(), "\tIN\t", " ", 1)), " ")
				if rr.Header().Rrtype == dns.TypeSOA {
					line = fmt.Sprintf("SOA %d", serialOf(t, rr))
				}
				line = strings.ReplaceAll(strings.ReplaceAll(line, "."+clusterset, ""), clusterset, "@")
				lines = append(lines, line)
			}
			got := strings.Join(lines, ", ")
			if len(all) > 1 && all[1].Header().Rrtype != dns.TypeSOA {
				got = "whole"
			}
			if got != test.want {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestAmbiguousSerials: a secondary that has a serial need not have what the primary
// had with it, if that was more than one version. After a serial that nobody had
// before, it has the whole zone.
func TestAmbiguousSerials(t *testing.T) {
	type version struct {
		serial uint32
		hosts  string // one letter for each
	}
	for name, versions := range map[string][]version{
		"it stays":       {{9, ""}, {10, ""}, {10, "x"}, {11, "xy"}, {12, "xyz"}},
		"it goes back":   {{10, ""}, {11, "xy"}, {9, ""}, {10, "q"}, {11, "q"}, {12, "qr"}, {13, "qrs"}},
		"it wraps":       {{math.MaxUint32 - 1, ""}, {math.MaxUint32, "x"}, {1, "xy"}, {math.MaxUint32, "q"}, {1, "qr"}, {2, "qrs"}},
		"with an alias":  {{9, ""}, {10, ""}, {11, "x*"}, {10, "q"}, {11, "qr"}, {12, "qrs"}, {13, "qrst"}},
		"the first goes": {{11, "x"}, {10, "q"}, {11, "qr"}, {12, "qrs"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			z := newZone(options{zone: clusterset, dir: dir, limits: defaultLimits, journal: defaultJournal})
			z.series.begin()
			defer z.series.end()
			var follows secondary
			for _, v := range versions {
				var lines []string
				for i, host := range v.hosts {
					line := fmt.Sprintf("%c.a.b.svc 5 A 192.0.2.%d", host, i)
					if host == '*' {
						line = "c.a.b.svc 5 CNAME x.a.b.svc"
					}
					lines = append(lines, line)
				}
				put(t, dir, fileOf(clusterset), zoneFile(clusterset, v.serial, lines...))
				z.check(t.Context())
				if s := z.current.Load(); s == nil || s.serial() != v.serial {
					t.Fatalf("serial %d does not load: %s", v.serial, z.trouble)
				}
				if follows.records != nil && !zone.SerialLess(follows.serial, v.serial) {
					continue
				}
				follows.update(t, transferred(t, zonesOf(z), clusterset, follows.serial))
				whole := secondary{}
				whole.update(t, transferred(t, zonesOf(z), clusterset, 0))
				if follows.dump() != whole.dump() {
					t.Errorf("serial %d: the secondary has\n%s\nnot\n%s", v.serial, follows.dump(), whole.dump())
				}
			}
		})
	}
}

// TestEndpointsSwitched: a serial does not say with which options the primary had it.
func TestEndpointsSwitched(t *testing.T) {
	for _, before := range []bool{false, true} {
		t.Run(fmt.Sprint("noendpoints=", before), func(t *testing.T) {
			dir := t.TempDir()
			set := shop(t)
			var follows secondary
			serial := uint32(1000)
			for _, noEndpoints := range []bool{before, !before} {
				z := newZone(options{
					zone: clusterset, dir: dir, forward: []string{clusterset}, noEndpoints: noEndpoints, limits: defaultLimits, journal: defaultJournal,
				})
				z.series.begin()
				defer z.series.end()
				for range 2 { // the server starts with the serial that it had
					put(t, dir, fileOf(clusterset), string(set.Snapshots()[0].Append(nil, serial)))
					z.check(t.Context())
					follows.update(t, transferred(t, zonesOf(z), clusterset, follows.serial))
					serial++
				}
				serial--
				whole := secondary{}
				whole.update(t, transferred(t, zonesOf(z), clusterset, 0))
				if follows.dump() != whole.dump() {
					t.Errorf("noendpoints=%v: the secondary has\n%s\nnot\n%s", noEndpoints, follows.dump(), whole.dump())
				}
			}
		})
	}
}
