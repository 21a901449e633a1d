package zone

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// randomService makes a service of few names and addresses, so that services
// share both, good and bad ones.
func randomService(rng *rand.Rand, key Key) Service {
	pick := func(from ...string) string { return from[rng.IntN(len(from))] }
	port := func() Port {
		return Port{
			Name:     pick("", "http", "https", "HTTP", "bad name", "x-"),
			Protocol: pick("TCP", "UDP", "", "sctp", "ICMP"),
			Number:   []int32{80, 80, 443, 8080, NoNumber, 0, 70000}[rng.IntN(7)],
		}
	}
	address := func() string {
		switch rng.IntN(12) {
		case 0:
			return pick("", "bad", "0.0.0.0", "ff02::1", "fe80::1%eth0", "::ffff:10.0.0.3", "10.0.0.1 ")
		case 1, 2, 3:
			return fmt.Sprintf("fd00::%x", rng.IntN(600))
		default:
			return fmt.Sprintf("10.0.%d.%d", rng.IntN(3), rng.IntN(40))
		}
	}
	s := Service{Key: key, Type: ClusterSetIP}
	if rng.IntN(2) == 0 {
		s.Type = Headless
	}
	for range rng.IntN(3) {
		s.IPs = append(s.IPs, address())
	}
	for range rng.IntN(4) {
		s.Ports = append(s.Ports, port())
	}
	for i := range rng.IntN(5) {
		slice := EndpointSlice{Name: fmt.Sprintf("%s-%d", key.Name, i), Cluster: pick("east", "east", "west", "EAST", "9", "bad.cluster")}
		for range rng.IntN(3) {
			slice.Ports = append(slice.Ports, port())
		}
		for range rng.IntN(6) {
			e := Endpoint{Hostname: pick("", "", "web-0", "web-1", "WEB-1", "_bad"), Ready: rng.IntN(5) > 0}
			for range rng.IntN(3) {
				e.Addresses = append(e.Addresses, address())
			}
			slice.Endpoints = append(slice.Endpoints, e)
		}
		s.Slices = append(s.Slices, slice)
	}
	return s
}

// reorder returns the service with the order of everything in it changed, where
// the order means nothing.
func reorder(rng *rand.Rand, s Service) Service {
	shuffled(rng, &s.IPs)
	shuffled(rng, &s.Ports)
	shuffled(rng, &s.Slices)
	for i := range s.Slices {
		shuffled(rng, &s.Slices[i].Ports)
		shuffled(rng, &s.Slices[i].Endpoints)
		for j := range s.Slices[i].Endpoints {
			shuffled(rng, &s.Slices[i].Endpoints[j].Addresses)
		}
	}
	return s
}

func shuffled[T any](rng *rand.Rand, s *[]T) {
	*s = slices.Clone(*s)
	rng.Shuffle(len(*s), func(i, j int) { (*s)[i], (*s)[j] = (*s)[j], (*s)[i] })
}

// TestHistoryLeavesNoTrace takes a set through a random history and compares its
// zones with those of a set that sees the last state only, in another order; and
// both with the model.
func TestHistoryLeavesNoTrace(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		o := Options{TTL: 5, NoEndpoints: seed%7 == 6}
		if seed%3 == 1 {
			o.Zones = []string{"clusterset.local.", "second.example."}
		}
		if seed%3 == 2 {
			o.ReverseCIDRs = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/23"), netip.MustParsePrefix("fd00::/64")}
		}
		a, b := mustSet(t, o), mustSet(t, o)
		state := make(map[Key]Service)
		names := 1 + rng.IntN(20) // few: namespaces become empty
		spaces := make(map[string]bool)
		for range 1 + rng.IntN(200) {
			var c Changes
			for range rng.IntN(4) {
				key := Key{fmt.Sprintf("n%d", rng.IntN(4)), fmt.Sprintf("s%d", rng.IntN(names))}
				if rng.IntN(3) == 0 {
					c.Removed = append(c.Removed, key)
					c.Services = slices.DeleteFunc(c.Services, func(s Service) bool { return s.Key == key })
					delete(state, key)
				} else if !slices.Contains(c.Removed, key) {
					state[key] = randomService(rng, key)
					c.Services = append(c.Services, state[key])
				}
			}
			name := fmt.Sprintf("n%d", rng.IntN(6))
			if spaces[name] = rng.IntN(2) == 0; spaces[name] {
				c.Namespaces = append(c.Namespaces, name)
			} else {
				c.RemovedNamespaces = append(c.RemovedNamespaces, name)
			}
			a.Apply(c)
			if rng.IntN(3) == 0 {
				a.Snapshots()
			}
		}
		var last, other Changes
		for _, s := range state {
			last.Services = append(last.Services, s)
			other.Services = append(other.Services, reorder(rng, s))
		}
		for n, is := range spaces {
			if is {
				last.Namespaces = append(last.Namespaces, n)
			}
		}
		other.Namespaces = last.Namespaces
		shuffled(rng, &other.Services)
		b.Apply(other)
		is, want := a.Snapshots(), b.Snapshots()
		for i := range is {
			if x, y := is[i].Append(nil, 1), want[i].Append(nil, 1); !bytes.Equal(x, y) {
				t.Errorf("seed %d: zone %s depends on history or order:\n%s", seed, is[i].Origin(),
					difference(strings.Split(string(x), "\n"), strings.Split(string(y), "\n")))
			}
			if !is[i].Equal(want[i]) {
				t.Errorf("seed %d: snapshots of %s are not equal", seed, is[i].Origin())
			}
		}
		if x, y := a.Services(), b.Services(); x != y {
			t.Errorf("seed %d: %d services, want %d", seed, x, y)
		}
		compareWithModel(t, a, last)
		if t.Failed() {
			return
		}
	}
}

func mustSet(t testing.TB, o Options) *Set {
	t.Helper()
	s, err := NewSet(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestManyAtOnce applies enough services to render them in parallel.
func TestManyAtOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var c Changes
	for i := range 2000 {
		c.Services = append(c.Services, randomService(rng, Key{fmt.Sprintf("n%d", i%7), fmt.Sprintf("s%d", i)}))
	}
	all, single := mustSet(t, Options{}), mustSet(t, Options{})
	problems := len(all.Apply(c))
	for _, s := range c.Services {
		problems -= len(single.Apply(Changes{Services: []Service{s}}))
	}
	if problems != 0 {
		t.Errorf("the number of problems differs by %d", problems)
	}
	a, b := all.Snapshots(), single.Snapshots()
	for i := range a {
		if !bytes.Equal(a[i].Append(nil, 1), b[i].Append(nil, 1)) {
			t.Errorf("zone %s differs", a[i].Origin())
		}
	}
}

// TestNoChange applies the same services again: the snapshots share everything.
func TestNoChange(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	s := mustSet(t, Options{TTL: 5})
	var c Changes
	for i := range 300 {
		c.Services = append(c.Services, randomService(rng, Key{"n", fmt.Sprintf("s%d", i)}))
	}
	s.Apply(c)
	before := s.Snapshots()
	s.Apply(c)
	for i, after := range s.Snapshots() {
		for j, ch := range after.chunks {
			if ch != before[i].chunks[j] {
				t.Errorf("zone %s: chunk %d was made anew", after.Origin(), j)
			}
		}
	}
}

// sameText reports whether text is a zone file of a snapshot, and its serial.
func sameText(s *Snapshot, text []byte) (uint32, bool) {
	resumed, serial := s.Resume(text)
	return serial, bytes.Equal(resumed.Append(nil, serial), text)
}

func TestResume(t *testing.T) {
	s := mustSet(t, Options{TTL: 5})
	s.Apply(Changes{Services: []Service{{Key: Key{"shop", "web"}, Type: ClusterSetIP, IPs: []string{"10.0.0.1"}}}})
	snap := s.Snapshots()[0]
	text := string(snap.Append(nil, 4_000_000_000))
	for _, tc := range []struct {
		name, text string
		serial     uint32
		same       bool
	}{
		{"the same", text, 4_000_000_000, true},
		{"the same, changed then", strings.Replace(text, "86400 5\n", "86400 5 ; changed 2026-11-22T13:38:00.5Z\n", 1), 4_000_000_000, true},
		{"the same, changed at no time", strings.Replace(text, "86400 5\n", "86400 5 ; changed today\n", 1), 4_000_000_000, false},
		{"another timer", strings.Replace(text, "86400 5\n", "86400 6\n", 1), 4_000_000_000, false},
		{"truncated", text[:len(text)-1], 4_000_000_000, false},
		{"longer", text + "x", 4_000_000_000, false},
		{"another record", strings.Replace(text, "10.0.0.1", "10.0.0.2", 1), 4_000_000_000, false},
		{"another hand's", "$ORIGIN clusterset.local.\n; hello\n@ IN SOA a. b. ( 77 1 1 1 1 )\n", 77, false},
		{"no SOA", "@ NS a.\n", 0, false},
		{"empty", "", 0, false},
		{"not text", "\x00\xff\n$INCLUDE /etc/passwd\n", 0, false},
		{"cut in the serial", text[:strings.Index(text, "4000000000")+3], 400, false},
		{"a serial too large", strings.Replace(text, "4000000000", "99999999999", 1), 0, false},
	} {
		serial, same := sameText(snap, []byte(tc.text))
		if serial != tc.serial || same != tc.same {
			t.Errorf("%s: serial %d, same %v; want %d, %v", tc.name, serial, same, tc.serial, tc.same)
		}
	}
}

// TestChanged follows the time of change into the file, and no further than into
// the zones that did change.
func TestChanged(t *testing.T) {
	at := func(second int) time.Time { return time.Date(2026, 11, 22, 13, 38, second, 500, time.UTC) }
	s := mustSet(t, Options{TTL: 5})
	web := Service{Key: Key{"shop", "web"}, Type: ClusterSetIP, IPs: []string{"10.0.0.1"}}
	want := func(what string, forward, reverse4, reverse6 time.Time) {
		t.Helper()
		for i, want := range []time.Time{forward, reverse4, reverse6} {
			snap := s.Snapshots()[i]
			line := "86400 5\n"
			if !want.IsZero() {
				line = "86400 5 ; changed " + want.Format(time.RFC3339Nano) + "\n"
			}
			if !snap.Changed().Equal(want) || !strings.Contains(string(snap.Append(nil, 1)), line) {
				t.Errorf("%s: zone %s changed %v, want %v:\n%s", what, snap.Origin(), snap.Changed(), want, snap.Append(nil, 1))
			}
		}
	}
	s.Apply(Changes{Services: []Service{web}, Seen: at(1)})
	want("first", at(1), at(1), time.Time{})
	web.Ports = []Port{{Number: 80}}
	s.Apply(Changes{Services: []Service{web}, Seen: at(2)})
	want("a port", at(2), at(1), time.Time{})
	s.Apply(Changes{Services: []Service{web}, Seen: at(3)})
	want("nothing", at(2), at(1), time.Time{})
	web.IPs = []string{"fd00::1"}
	s.Apply(Changes{Services: []Service{web}, Seen: at(4)})
	web.IPs = []string{"fd00::2"}
	s.Apply(Changes{Services: []Service{web}, Seen: at(5)})
	want("two at once", at(4), at(4), at(4))
}
