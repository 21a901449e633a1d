package zone

import (
	"fmt"
	"strings"
	"testing"
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
