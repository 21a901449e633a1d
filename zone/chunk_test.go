package zone

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// unchunk puts a chunked zone together as a name server does.
func unchunk(t *testing.T, root *Snapshot, chunks []*Chunk) []byte {
	t.Helper()
	files := make(map[string][]byte)
	for _, c := range chunks {
		files[c.Name] = bytes.Join(c.Buffers(), nil)
		if len(files[c.Name]) != c.Size || c.Size > maxChunkSize {
			t.Errorf("chunk %s has %d bytes, says %d", c.Name, len(files[c.Name]), c.Size)
		}
		if !bytes.HasPrefix(files[c.Name], []byte("$ORIGIN ")) {
			t.Errorf("chunk %s does not begin with a block", c.Name)
		}
	}
	var whole []byte
	for _, line := range bytes.SplitAfter(root.Append(nil, 1), []byte("\n")) {
		name, include := strings.CutPrefix(strings.TrimSpace(string(line)), "$INCLUDE ")
		switch content, ok := files[name]; {
		case !include:
			whole = append(whole, line...)
		case !ok:
			t.Errorf("no chunk %s", name)
		default:
			whole = append(whole, content...)
		}
	}
	return whole
}

// headlessServices have enough text for many chunks.
func headlessServices(n int) []Service {
	services := make([]Service, n)
	for i := range services {
		slice := EndpointSlice{Cluster: "east", Ports: []Port{{"http", "TCP", 80}}}
		for e := range 10 {
			slice.Endpoints = append(slice.Endpoints, Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", e, i>>8, i&255)}, Ready: true})
		}
		services[i] = Service{Key: Key{"team-1", fmt.Sprintf("service-%d", i)}, Type: Headless, Slices: []EndpointSlice{slice}}
	}
	return services
}

// TestChunked cuts zones into chunks and puts them together again: small ones,
// and one with a service that is larger than a chunk.
func TestChunked(t *testing.T) {
	s := mustSet(t, Options{TTL: 5})
	check := func(what string) (names []string) {
		t.Helper()
		for _, snap := range s.Snapshots() {
			root, chunks := snap.Chunked()
			want, got := parse(t, snap.Append(nil, 1), snap.Origin()), parse(t, unchunk(t, root, chunks), snap.Origin())
			if d := difference(got, want); d != "" {
				t.Fatalf("%s: zone %s differs when it is chunked:\n%s", what, snap.Origin(), d)
			}
			if serial, same := sameText(root, root.Append(nil, 77)); !same || serial != 77 {
				t.Errorf("%s: the root of %s is not itself", what, snap.Origin())
			}
			for _, c := range chunks {
				names = append(names, c.Name)
			}
		}
		return names
	}
	check("empty")
	s.Apply(Changes{Services: headlessServices(3000)})
	before := check("many services")
	if len(before) < 20 {
		t.Errorf("only %d chunks", len(before))
	}

	one := headlessServices(3000)[500]
	one.Slices[0].Endpoints[0].Ready = false
	s.Apply(Changes{Services: []Service{one}})
	fresh := func(names []string) int {
		return len(slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(before, n) }))
	}
	if n := fresh(check("one changed")); n != 2 { // one in the forward zone, one in the reverse zone
		t.Errorf("a change of one service makes %d new chunks", n)
	}

	large := Service{Key: Key{"team-0", "large"}, Type: Headless}
	for i := range 20_000 {
		if i%100 == 0 {
			large.Slices = append(large.Slices, EndpointSlice{Cluster: "east", Ports: []Port{{"http", "TCP", 80}}})
		}
		slice := &large.Slices[len(large.Slices)-1]
		slice.Endpoints = append(slice.Endpoints, Endpoint{Addresses: []string{fmt.Sprintf("10.99.%d.%d", i>>8, i&255)}, Ready: true})
	}
	s.Apply(Changes{Services: []Service{large}})
	if n := fresh(check("a large one")); n < 5 {
		t.Errorf("a service of megabytes makes %d new chunks", n)
	}
	s.Apply(Changes{Removed: []Key{large.Key}, Services: []Service{headlessServices(3000)[500]}})
	if !slices.Equal(check("as before"), before) {
		t.Error("the same services give other chunks")
	}
}
