package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// follower judges the versions of one zone, as they are seen one after the other in one place. It holds zonegen to this:
//
//   - Each version is, to the octet, the zone of a state that each kind had (see [ledger]). How far one kind is, and how far
//     another is, are not compared.
//   - No version is of an older state than one before.
//   - Another content has a serial that is greater (RFC 1982).
type follower struct {
	c      *numbered
	origin string
	kinds  kind // those before it are visible in the zone
	set    *zone.Set
	index  int                   // among the snapshots of the set
	drawn  [kinds]map[string]int // what the set shows
	newest version
	seen   int           // versions
	lag    time.Duration // the longest from the end of a state until a version of it was made
}

// version is what is known of one version of a zone.
type version struct {
	text   []byte
	serial uint32
	shown  [kinds]map[string]int // the writes that it shows, by object
	from   [kinds]int            // the states that it can be of
	to     [kinds]int
}

// nothingShown is what is shown before anything is noted.
func nothingShown() (shown [kinds]map[string]int) {
	for k := range kinds {
		shown[k] = make(map[string]int)
	}
	return shown
}

func newFollower(t testing.TB, c *numbered, origin string) *follower {
	t.Helper()
	set, err := zone.NewSet(zone.Options{TTL: zone.DefaultTTL})
	if err != nil {
		t.Fatal(err)
	}
	set.Apply(zone.Changes{Namespaces: c.namespaces, Services: c.lasting})
	f := &follower{c: c, origin: origin, kinds: kinds, set: set}
	f.index = slices.IndexFunc(set.Snapshots(), func(s *zone.Snapshot) bool { return s.Origin() == origin })
	if origin == "ip6.arpa." {
		f.kinds = endpointSlices
	}
	return f
}

// see judges the text of a zone, that of included files put in its place, as it was made at a time.
func (f *follower) see(text []byte, at time.Time) error {
	if bytes.Equal(text, f.newest.text) {
		return nil
	}
	shown, err := f.c.read(f.origin, text)
	if err != nil {
		return fmt.Errorf("%w; it is\n%s", err, excerpt(text, 0))
	}
	snapshot, serial := f.render(shown).Resume(text)
	if want := snapshot.Append(nil, serial); !bytes.Equal(text, want) {
		at := 0
		for at < min(len(text), len(want)) && text[at] == want[at] {
			at++
		}
		return fmt.Errorf("%s with serial %d is no zone of that state: at octet %d of %d, not %d, it has\n%s\nand should have\n%s",
			f.origin, serial, at, len(text), len(want), excerpt(text, at), excerpt(want, at))
	}
	return f.judge(version{text: text, serial: serial, shown: shown}, at)
}

// seeRecords judges a zone that was transferred.
func (f *follower) seeRecords(records []dns.RR, at time.Time) error {
	v := version{shown: nothingShown()}
	for _, rr := range records {
		switch rr := rr.(type) {
		case *dns.SOA:
			v.serial = rr.Serial
		case *dns.A:
			if err := f.c.note(&v.shown, rr.A.String()); err != nil {
				return err
			}
		}
	}
	want, err := recordsOf(f.render(v.shown).Append(nil, v.serial), f.origin)
	if err != nil {
		return err
	}
	if got := slices.Compact(texts(records)); !slices.Equal(got, want) { // the SOA is there twice
		return fmt.Errorf("%s with serial %d is no zone of that state: it has %d records, not %d; too many: %q, too few: %q",
			f.origin, v.serial, len(got), len(want), without(got, want), without(want, got))
	}
	return f.judge(v, at)
}

// recordsOf are the records of a zone's text.
func recordsOf(text []byte, origin string) ([]string, error) {
	var all []dns.RR
	zp := dns.NewZoneParser(bytes.NewReader(text), origin, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		all = append(all, rr)
	}
	return texts(all), zp.Err()
}

// judge judges a version that is whole.
func (f *follower) judge(v version, at time.Time) error {
	switch {
	case f.seen == 0, zone.SerialLess(f.newest.serial, v.serial):
	case f.newest.serial != v.serial:
		return fmt.Errorf("%s: serial %d follows %d", f.origin, v.serial, f.newest.serial)
	case v.text != nil, !maps.Equal(v.shown[imports], f.newest.shown[imports]), !maps.Equal(v.shown[endpointSlices], f.newest.shown[endpointSlices]):
		return fmt.Errorf("%s: serial %d has two contents", f.origin, v.serial)
	default:
		return nil
	}
	v.from = f.newest.from
	for k := range f.kinds {
		if err := f.narrow(&v, k, v.shown[k], f.c.objects[k], at); err != nil {
			return fmt.Errorf("%s with serial %d: %w", f.origin, v.serial, err)
		}
	}
	f.newest, f.seen = v, f.seen+1
	return nil
}

// narrow takes in what a version says of the objects in scope.
func (f *follower) narrow(v *version, k kind, shown map[string]int, scope []string, at time.Time) (err error) {
	ledger := f.c.ledgers[k]
	if v.from[k], v.to[k], err = ledger.states(shown, scope, v.from[k]); err != nil {
		return err
	}
	lag := ledger.lag(v.to[k], at)
	f.lag = max(f.lag, lag)
	if lag > patience {
		return fmt.Errorf("it is of a state that ended %s before", lag)
	}
	return nil
}

// seeAnswer judges what an answer says of the objects in scope.
func (f *follower) seeAnswer(k kind, shown map[string]int, scope []string, at time.Time) error {
	v := f.newest
	if err := f.narrow(&v, k, shown, scope, at); err != nil {
		return err
	}
	f.newest.from[k] = v.from[k]
	return nil
}

// render makes the zone of a state.
func (f *follower) render(shown [kinds]map[string]int) *zone.Snapshot {
	changes, headless := zone.Changes{}, make(map[zone.Key]bool)
	for _, object := range f.c.objects[imports] {
		switch n := shown[imports][object]; n {
		case f.drawn[imports][object]:
		case 0:
			changes.Removed = append(changes.Removed, keyOf(object))
		default:
			changes.Services = append(changes.Services, importOf(object, n))
		}
	}
	for _, object := range f.c.objects[endpointSlices] {
		if shown[endpointSlices][object] != f.drawn[endpointSlices][object] {
			headless[keyOf(object)] = true
		}
	}
	for key := range headless {
		changes.Services = append(changes.Services, serviceOf(key, shown[endpointSlices]))
	}
	f.set.Apply(changes)
	f.drawn = shown
	return f.set.Snapshots()[f.index]
}

// isOf returns nil if the newest version is of that state, and what comes after it.
func (f *follower) isOf(states [kinds]int) error {
	for k := range f.kinds {
		if f.newest.to[k] < states[k] {
			return fmt.Errorf("%s shows state %d of kind %d, not %d", f.origin, f.newest.to[k], k, states[k])
		}
	}
	return nil
}

// read returns the writes that a zone shows.
func (c *numbered) read(origin string, text []byte) (shown [kinds]map[string]int, err error) {
	shown = nothingShown()
	if origin == clusterset {
		for _, mark := range []string{" A 10.", " A 11."} {
			for rest := text; ; {
				_, after, found := bytes.Cut(rest, []byte(mark))
				if !found {
					break
				}
				line, _, _ := bytes.Cut(after, []byte("\n"))
				if err := c.note(&shown, mark[len(" A "):]+string(line)); err != nil {
					return shown, err
				}
				rest = after
			}
		}
		return shown, nil
	}
	for rest := text; ; {
		_, after, found := bytes.Cut(rest, []byte("\n$ORIGIN "))
		if !found {
			return shown, nil
		}
		block, _, _ := bytes.Cut(after, []byte("\n$ORIGIN "))
		head, lines, _ := strings.Cut(string(block), "\n")
		rest = after
		if !strings.HasSuffix(head, ".10.in-addr.arpa.") && !strings.HasSuffix(head, ".11.in-addr.arpa.") && !strings.HasSuffix(head, ".d.f.ip6.arpa.") {
			continue
		}
		for line := range strings.Lines(lines) {
			owner, _, found := strings.Cut(line, " ")
			if !found || strings.HasPrefix(line, ";") {
				continue
			}
			address, err := addressOf(owner + "." + head)
			if err == nil {
				err = c.note(&shown, address)
			}
			if err != nil {
				return shown, err
			}
		}
	}
}

// addressOf is the address of a reverse name.
func addressOf(name string) (string, error) {
	labels := strings.Split(strings.TrimSuffix(name, "."), ".")
	slices.Reverse(labels)
	if labels = labels[2:]; strings.HasSuffix(name, ".in-addr.arpa.") {
		return strings.Join(labels, "."), nil
	}
	if len(labels) != 32 {
		return "", fmt.Errorf("%s is no reverse name", name)
	}
	var groups []string
	for group := range slices.Chunk(labels, 4) {
		groups = append(groups, strings.Join(group, ""))
	}
	return strings.Join(groups, ":"), nil
}

// note notes the write that an address tells.
func (c *numbered) note(shown *[kinds]map[string]int, address string) error {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return err
	}
	octets := addr.AsSlice()
	last := octets[len(octets)-3:]
	n, k := int(last[0])<<16|int(last[1])<<8|int(last[2]), imports
	switch {
	case addr.Is6(), octets[0] == 10:
	case octets[0] == 11:
		n, k = n>>2, endpointSlices
	default:
		return nil // of what lasts
	}
	object, err := c.ledgers[k].object(n)
	if err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	if other := shown[k][object]; other != 0 && other != n {
		return fmt.Errorf("%s is shown as write %d made it, and write %d", object, other, n)
	}
	shown[k][object] = n
	return nil
}

// excerpt is the text around an octet.
func excerpt(text []byte, at int) string {
	return strconv.Quote(string(text[max(0, at-150):min(len(text), at+150)]))
}
