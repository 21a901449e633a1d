package zone

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestLongestNames makes names of exactly 255 octets, which are published, and
// of 256, which are not.
func TestLongestNames(t *testing.T) {
	label := func(n int) string { return strings.Repeat("x", n) }
	for _, tc := range []struct {
		name       string
		host, port int // octets
		want       string
		problems   int
	}{
		{"endpoint name of 255 octets", 12, 4, label(12) + ".c.", 0},
		{"endpoint name of 256 octets", 13, 4, "", 1},
		{"port name of 255 octets", 1, 8, "_" + label(8) + "._tcp.", 0},
		{"port name of 256 octets", 1, 9, "", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			// 64 + 64 + 4 + len(zone) + 1 for the service: 240 octets.
			origin := label(62) + "." + label(43) + "."
			s := mustSet(t, Options{Zones: []string{origin}, NoReverse: true})
			if got := wireLength(label(63) + "." + label(63) + ".svc." + origin); got != 240 {
				t.Fatalf("the service's name has %d octets", got)
			}
			c := Changes{Services: []Service{{Key: Key{label(63), label(63)}, Type: Headless, Slices: []EndpointSlice{{
				Cluster: "c", Ports: []Port{{label(tc.port), "TCP", 80}}, Endpoints: []Endpoint{{label(tc.host), []string{"10.0.0.1"}, true}},
			}}}}}
			if got := len(s.Apply(c)); got != tc.problems {
				t.Errorf("%d problems, want %d", got, tc.problems)
			}
			compareWithModel(t, s, c)
			text := string(s.Snapshots()[0].Append(nil, 1))
			if fits := fmt.Sprintf("\n%s ", strings.TrimSuffix(tc.want, ".")); tc.want != "" && !strings.Contains(text, fits) {
				t.Errorf("%q is missing in\n%s", fits, text)
			}
		})
	}
}

// TestLargeRRset makes services of more endpoints than fit into a DNS message.
func TestLargeRRset(t *testing.T) {
	large := Service{Key: Key{"shop", "large"}, Type: Headless}
	for i := range 10_000 {
		if i%100 == 0 {
			large.Slices = append(large.Slices, EndpointSlice{Cluster: fmt.Sprintf("c%d", i%3), Ports: []Port{{"http", "TCP", 80}, {"alt", "UDP", 81}}})
		}
		slice := &large.Slices[len(large.Slices)-1]
		slice.Endpoints = append(slice.Endpoints, Endpoint{Addresses: []string{fmt.Sprintf("10.0.%d.%d", i>>8, i&255), fmt.Sprintf("fd00::%x", i+1)}, Ready: true})
	}
	a, b := mustSet(t, Options{}), mustSet(t, Options{})
	problems := a.Apply(Changes{Services: []Service{large}})
	b.Apply(Changes{Services: []Service{reorder(rand.New(rand.NewPCG(1, 1)), large)}})
	text := a.Snapshots()[0].Append(nil, 1)
	if string(text) != string(b.Snapshots()[0].Append(nil, 1)) {
		t.Error("what is left out depends on the order")
	}
	octets, buf := make(map[string]int), make([]byte, 1<<16)
	zp := dns.NewZoneParser(bytes.NewReader(text), DefaultZone, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		n, err := dns.PackRR(rr, buf, 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		octets[rr.Header().Name+" "+dns.TypeToString[rr.Header().Rrtype]] += n - wireLength(rr.Header().Name) + 2
	}
	full := 0
	for set, n := range octets {
		if n > maxRRset {
			t.Errorf("%s has %d octets", set, n)
		}
		if n > maxRRset-200 {
			full++
		}
	}
	// A, AAAA and SRV of the service, SRV of two ports.
	if full != 5 || len(problems) != 5 {
		t.Errorf("%d full RRsets, %d problems: %v", full, len(problems), problems)
	}
	for _, p := range problems {
		if p.Reason != TooMany {
			t.Errorf("problem %v", p)
		}
	}
	// Every endpoint still has its own name and its PTR.
	if n := a.Snapshots()[1].Counts().PTR; n != 10_000 {
		t.Errorf("%d PTR records", n)
	}
}
