package zone

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
)

// What is held keeps its records until it has others or is let go; the reverse zones
// and the namespace stay with it.
func TestHoldLosses(t *testing.T) {
	s := mustSet(t, Options{TTL: 5})
	var asked [][]Key
	var of []int
	hold := false
	s.HoldLosses(func(lost []Key, all int) bool {
		asked, of = append(asked, lost), append(of, all)
		return hold
	})
	service := func(name, ip string) Service {
		return Service{Key: Key{"shop", name}, Type: ClusterSetIP, IPs: []string{ip}}
	}
	text := func() string {
		var b []byte
		for _, snap := range s.Snapshots() {
			b = snap.Append(b, 1)
		}
		return string(b)
	}
	s.Apply(Changes{Services: []Service{service("a", "10.0.0.1"), service("b", "10.0.0.2"), service("c", "10.0.0.3")}})
	s.Apply(Changes{Removed: []Key{{"shop", "c"}, {"shop", "nobody"}}})
	if len(asked) != 1 || !slices.Equal(asked[0], []Key{{"shop", "c"}}) || of[0] != 3 || s.Held() != 0 || s.Services() != 2 {
		t.Fatalf("asked about %v of %v, %d held, %d left", asked, of, s.Held(), s.Services())
	}

	hold, asked = true, nil
	before := text()
	broken := service("b", "")
	broken.Type = "Unknown"
	for range 2 { // again: it is not lost twice
		problems := s.Apply(Changes{Removed: []Key{{"shop", "a"}}, Services: []Service{broken}})
		if len(problems) != 1 {
			t.Errorf("problems %v", problems)
		}
	}
	if len(asked) != 1 || len(asked[0]) != 2 || s.Held() != 2 || s.Services() != 2 {
		t.Errorf("asked about %v, %d held, %d left", asked, s.Held(), s.Services())
	}
	if after := text(); after != before {
		t.Errorf("what is held differs:\n%s\nfrom\n%s", after, before)
	}

	s.Apply(Changes{Services: []Service{service("b", "10.0.0.4")}})
	if now := text(); s.Held() != 1 || !strings.Contains(now, " A 10.0.0.4\n") || strings.Contains(now, " A 10.0.0.2\n") {
		t.Errorf("%d held after one has come back:\n%s", s.Held(), now)
	}
	s.LetGo()
	now := text()
	if s.Held() != 0 || s.Services() != 1 || strings.Contains(now, "10.0.0.1\n") || strings.Contains(now, "a.shop.svc.") {
		t.Errorf("%d held and %d left after letting go:\n%s", s.Held(), s.Services(), now)
	}
	fresh := mustSet(t, Options{TTL: 5})
	fresh.Apply(Changes{Services: []Service{service("b", "10.0.0.4")}})
	for i, snap := range fresh.Snapshots() {
		if got := s.Snapshots()[i]; !got.Equal(snap) {
			t.Errorf("%s is not as if nothing had ever been held", snap.Origin())
		}
	}
}

// files are files by name.
type files map[string]string

func (f files) open(name string) (io.ReadCloser, error) {
	text, ok := f[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

// What a file has and a snapshot has not is found in both layouts.
func TestLosses(t *testing.T) {
	const n = 300
	s := mustSet(t, Options{TTL: 5})
	services := headlessServices(n)
	services = append(services, Service{Key: Key{"shop", "cart"}, Type: ClusterSetIP})
	s.Apply(Changes{Services: services, Namespaces: []string{"empty"}})
	forward := s.Snapshots()[0]
	root, chunks := forward.Chunked()
	single, chunked := files{"db": string(forward.Append(nil, 7))}, files{"db": string(root.Append(nil, 7))}
	for _, c := range chunks {
		var b strings.Builder
		for _, part := range c.Buffers() {
			b.Write(part)
		}
		chunked[c.Name] = b.String()
	}
	if len(chunks) < 3 {
		t.Fatalf("%d chunks", len(chunks))
	}
	var want []Key
	for i := 0; i < n; i += 7 {
		want = append(want, services[i].Key)
	}
	want = append(want, Key{"shop", "cart"})
	s.Apply(Changes{Removed: want, Seen: time.Now()})
	slices.SortFunc(want, compareKeys)
	now := s.Snapshots()
	for layout, f := range map[string]files{"single": single, "chunked": chunked} {
		losses, err := now[0].Losses("db", f.open)
		slices.SortFunc(losses.Missing, compareKeys)
		if err != nil || losses.There != n+1 || !slices.Equal(losses.Missing, want) || losses.Gone != nil {
			t.Errorf("%s: %+v, error %v", layout, losses, err)
		}
	}
	for _, snap := range now[1:] {
		if losses, err := snap.Losses("db", single.open); losses.There != 0 || losses.Missing != nil || err != nil {
			t.Errorf("%s: %+v, error %v", snap.Origin(), losses, err)
		}
	}
	odd := files{
		"db": "$ORIGIN " + strings.Repeat("a", 10000) + "\n$ORIGIN .shop.svc.clusterset.local.\n$ORIGIN a.b.c.svc.clusterset.local.\n" +
			"$ORIGIN cart.shop.svc.other.\n$ORIGIN cart.shop.svc.clusterset.local.\n$INCLUDE db\n$INCLUDE ../chunk\n",
	}
	if losses, err := now[0].Losses("db", odd.open); losses.There != 1 || fmt.Sprint(losses.Missing) != "[shop/cart]" || err != nil {
		t.Errorf("a file of somebody else: %+v, error %v", losses, err)
	}
	if losses, err := now[0].Losses("nothing", odd.open); losses.There != 0 || err != nil {
		t.Errorf("no file: %+v, error %v", losses, err)
	}
}

// What a snapshot only has because it is held, and a file has not, is gone, but not
// if a part of the file is not there.
func TestLossesOfHeld(t *testing.T) {
	const n = 300
	services := headlessServices(n)
	filesOf := func(services []Service) (single, chunked files) {
		s := mustSet(t, Options{TTL: 5})
		s.Apply(Changes{Services: services})
		forward := s.Snapshots()[0]
		root, chunks := forward.Chunked()
		single, chunked = files{"db": string(forward.Append(nil, 7))}, files{"db": string(root.Append(nil, 7))}
		for _, c := range chunks {
			for _, part := range c.Buffers() {
				chunked[c.Name] += string(part)
			}
		}
		return single, chunked
	}
	s := mustSet(t, Options{TTL: 5})
	s.HoldLosses(func([]Key, int) bool { return true })
	s.Apply(Changes{Services: services})
	var lost []Key
	for _, svc := range services[:50] {
		lost = append(lost, svc.Key)
	}
	slices.SortFunc(lost, compareKeys)
	s.Apply(Changes{Removed: lost})
	now := s.Snapshots()
	want := func(what string, f files, gone []Key) {
		t.Helper()
		for i, snap := range now {
			losses, err := snap.Losses("db", f.open)
			slices.SortFunc(losses.Gone, compareKeys)
			if i > 0 {
				gone = nil
			}
			if err != nil || losses.Missing != nil || !slices.Equal(losses.Gone, gone) {
				t.Errorf("%s, %s: %+v, error %v; want %v", what, snap.Origin(), losses, err, gone)
			}
		}
	}
	single, chunked := filesOf(services)
	want("as before", single, nil)
	want("as before, chunked", chunked, nil)
	want("no file", files{}, nil)
	want("half a file", files{"db": single["db"][:len(single["db"])/2]}, nil)
	single, chunked = filesOf(services[50:])
	want("without them", single, lost)
	want("without them, chunked", chunked, lost)
	for name := range chunked {
		if name != "db" {
			delete(chunked, name)
			break
		}
	}
	want("one chunk is not there", chunked, nil)

	s.LetGoOf(append(lost[:20:20], Key{"shop", "nobody"}, services[n-1].Key))
	if s.Held() != 30 || s.Services() != n-20 {
		t.Errorf("%d held and %d left after 20 were let go of", s.Held(), s.Services())
	}
}

func compareKeys(a, b Key) int { return strings.Compare(a.String(), b.String()) }
