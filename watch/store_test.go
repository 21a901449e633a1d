package watch

import (
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unique"

	"github.com/clusterset-dns/zonegen/zone"
)

func newTestStore() *store {
	return newStore(newQueue(0), slog.New(slog.DiscardHandler))
}

// drain returns what a caller of Next would get now.
func (s *store) drain() zone.Changes { return s.changes(s.queue.take) }

func testKey(name string) zone.Key { return zone.Key{Namespace: "ns", Name: name} }

func testImport(name string, ips ...string) *importObject {
	return newImport(zone.Service{Key: testKey(name), Type: zone.ClusterSetIP, IPs: ips})
}

func testSlice(name, service, address string) *sliceObject {
	return &sliceObject{
		id:      sliceID{namespace: unique.Make("ns"), name: name},
		service: testKey(service),
		slice: packSlice(zone.EndpointSlice{
			Name: name, Cluster: "east", Endpoints: []zone.Endpoint{{Addresses: []string{address}, Ready: true}},
		}),
	}
}

func wantChanges(t *testing.T, got zone.Changes, want string) {
	t.Helper()
	text := ""
	for _, s := range got.Services {
		text += fmt.Sprintf("+%s%v", s.Name, s.IPs)
		for _, slice := range s.Slices {
			text += fmt.Sprintf("%v", slice.Endpoints[0].Addresses)
		}
		text += " "
	}
	for _, key := range got.Removed {
		text += "-" + key.Name + " "
	}
	for _, name := range got.Namespaces {
		text += "+ns:" + name + " "
	}
	for _, name := range got.RemovedNamespaces {
		text += "-ns:" + name + " "
	}
	if text = strings.TrimSpace(text); text != want {
		t.Errorf("got %q, want %q", text, want)
	}
}

func TestStoreImports(t *testing.T) {
	s := newTestStore()
	s.update(func() { s.putImport(testImport("a", "1")) })
	wantChanges(t, s.drain(), "+a[1]")
	s.update(func() { s.putImport(testImport("a", "1")) })
	wantChanges(t, s.drain(), "")
	s.update(func() { s.putImport(testImport("a", "2")) })
	s.update(func() { s.putImport(testImport("a", "3")) })
	wantChanges(t, s.drain(), "+a[3]")
	s.update(func() { s.dropImport(testKey("a")) })
	wantChanges(t, s.drain(), "-a")
	s.update(func() { s.dropImport(testKey("a")) })
	wantChanges(t, s.drain(), "")
	if len(s.services) != 0 {
		t.Errorf("something is left: %v", s.services)
	}
}

// A service that comes and goes between two batches is no change at all.
func TestStoreForgetsWhatNobodyKnows(t *testing.T) {
	s := newTestStore()
	s.update(func() { s.putImport(testImport("a")); s.putNamespace("x") })
	s.update(func() { s.dropImport(testKey("a")); s.dropNamespace("x") })
	wantChanges(t, s.drain(), "")
	if len(s.services)+len(s.namespaces) != 0 {
		t.Errorf("something is left: %v %v", s.services, s.namespaces)
	}
}

// Deleted and made anew between two batches: its new state, and no removal.
func TestStoreReplacedImport(t *testing.T) {
	s := newTestStore()
	s.update(func() { s.putImport(testImport("a", "1")) })
	s.drain()
	s.update(func() { s.dropImport(testKey("a")) })
	s.update(func() { s.putImport(testImport("a", "2")) })
	wantChanges(t, s.drain(), "+a[2]")
}

func TestStoreSlices(t *testing.T) {
	s := newTestStore()
	s.update(func() { s.putSlice(testSlice("a-1", "a", "x")) })
	wantChanges(t, s.drain(), "") // slices alone are no service
	if !s.queue.dirty.empty() {
		t.Error("slices without an import mark something")
	}
	s.update(func() { s.putImport(testImport("a")) })
	wantChanges(t, s.drain(), "+a[][x]")
	s.update(func() { s.putSlice(testSlice("a-1", "a", "x")) })
	wantChanges(t, s.drain(), "")
	s.update(func() { s.putSlice(testSlice("a-1", "a", "y")); s.putSlice(testSlice("a-2", "a", "z")) })
	wantChanges(t, s.drain(), "+a[][y][z]")
	s.update(func() { s.dropSlice(testSlice("a-1", "a", "").id) })
	wantChanges(t, s.drain(), "+a[][z]")
	s.update(func() { s.dropImport(testKey("a")) })
	wantChanges(t, s.drain(), "-a") // although there is a slice
	s.update(func() { s.putSlice(testSlice("a-2", "a", "new")) })
	wantChanges(t, s.drain(), "")
	s.update(func() { s.dropSlice(testSlice("a-2", "a", "").id) })
	wantChanges(t, s.drain(), "")
	if len(s.services)+len(s.slices) != 0 {
		t.Errorf("something is left: %v %v", s.services, s.slices)
	}
}

func TestStoreSliceOfAnotherService(t *testing.T) {
	s := newTestStore()
	s.update(func() {
		s.putImport(testImport("a"))
		s.putImport(testImport("b"))
		s.putSlice(testSlice("x", "a", "1"))
	})
	wantChanges(t, s.drain(), "+a[][1] +b[]")
	s.update(func() { s.putSlice(testSlice("x", "b", "1")) })
	wantChanges(t, s.drain(), "+a[] +b[][1]")
}

// A slice whose only service is itself is replaced in place.
func TestStoreSliceUpdateWithoutImport(t *testing.T) {
	s := newTestStore()
	s.update(func() { s.putSlice(testSlice("x", "a", "1")) })
	s.update(func() { s.putSlice(testSlice("x", "a", "2")) })
	s.update(func() { s.putImport(testImport("a")) })
	wantChanges(t, s.drain(), "+a[][2]")
}

// A new list is a change only where it differs from what was known.
func TestStoreReplace(t *testing.T) {
	s := newTestStore()
	s.update(func() {
		s.replaceImports([]*importObject{testImport("a"), testImport("b"), testImport("c")})
		s.replaceSlices([]*sliceObject{testSlice("a-1", "a", "1"), testSlice("b-1", "b", "1")})
		s.replaceNamespaces([]namespaceObject{"x", "y"})
	})
	wantChanges(t, s.drain(), "+a[][1] +b[][1] +c[] +ns:x +ns:y")
	s.update(func() {
		s.replaceImports([]*importObject{testImport("a"), testImport("b"), testImport("d")})
		s.replaceSlices([]*sliceObject{testSlice("a-1", "a", "1")})
		s.replaceNamespaces([]namespaceObject{"y", "z"})
	})
	wantChanges(t, s.drain(), "+b[] +d[] -c +ns:z -ns:x")
	s.update(func() { s.putNamespace("x") })
	wantChanges(t, s.drain(), "+ns:x")
}

// What is handed out together was true together, however much changes meanwhile: a is changed, and then b.
func TestStoreHandsOutOneState(t *testing.T) {
	s := newTestStore()
	const changes = 20_000
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range changes {
			for _, name := range []string{"a", "b"} {
				s.update(func() { s.putImport(testImport(name, strconv.Itoa(i))) })
			}
		}
	}()
	known := map[string]int{"a": -1, "b": -1}
	for known["b"] < changes-1 {
		for _, service := range s.drain().Services {
			known[service.Name], _ = strconv.Atoi(service.IPs[0])
		}
		if ahead := known["a"] - known["b"]; ahead < 0 || ahead > 1 {
			t.Fatalf("a is at change %d when b is at %d", known["a"], known["b"])
		}
	}
	<-done
}

// What was handed out stays as it was, whatever happens later.
func TestStoreHandsOutCopies(t *testing.T) {
	s := newTestStore()
	s.update(func() { s.putImport(testImport("a")); s.putSlice(testSlice("a-1", "a", "1")) })
	first := s.drain()
	want := fmt.Sprint(first)
	s.update(func() {
		s.putSlice(testSlice("a-1", "a", "2"))
		s.putSlice(testSlice("a-2", "a", "3"))
	})
	if second := s.drain(); reflect.DeepEqual(first, second) || fmt.Sprint(first) != want {
		t.Errorf("first %v, second %v", first, second)
	}
}
