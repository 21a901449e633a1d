package publish

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// While a spare becomes the next version, no server would load it unless it is still the old one: a kill lets in who waits
// to open it, as the zone that it was.
func TestSpareThatIsChanged(t *testing.T) {
	snapshot := func(addresses ...string) *zone.Snapshot {
		t.Helper()
		set, err := zone.NewSet(zone.Options{NoReverse: true})
		if err != nil {
			t.Fatal(err)
		}
		var services []zone.Service
		for i, address := range addresses {
			services = append(services, zone.Service{Key: zone.Key{Namespace: "shop", Name: fmt.Sprintf("web-%d", i)}, Type: zone.ClusterSetIP, IPs: []string{address}})
		}
		set.Apply(zone.Changes{Services: services})
		return set.Snapshots()[0]
	}
	old := snapshot("10.1.0.1", "10.1.0.2", "10.1.0.3").Buffers(9)
	for name, next := range map[string]struct {
		*zone.Snapshot
		serial uint32
	}{
		"the same":        {snapshot("10.1.0.1", "10.1.0.2", "10.1.0.3"), 9},
		"as long":         {snapshot("10.1.0.1", "10.1.0.9", "10.1.0.3"), 8},
		"a longer serial": {snapshot("10.1.0.1", "10.1.0.2", "10.1.0.3"), 10},
		"longer":          {snapshot("10.1.0.1", "10.100.100.100", "10.1.0.3", "10.1.0.4"), 8},
		"shorter":         {snapshot("10.1.0.1"), 8},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "spare")
			if err := os.WriteFile(path, bytes.Join(old, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			file, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			h := &handle{out: bufio.NewWriterSize(nil, 16)}
			if err := h.write(file, old, func(yield func([]byte) bool) {
				for _, block := range next.Buffers(next.serial) {
					text, err := os.ReadFile(path)
					if err != nil {
						t.Fatal(err)
					}
					zp := dns.NewZoneParser(bytes.NewReader(text), zone.DefaultZone, "")
					if rr, ok := zp.Next(); (ok || zp.Err() == nil) && !bytes.Equal(text, bytes.Join(old, nil)) {
						t.Errorf("it begins with %v:\n%s", rr, text)
					}
					if !yield(block) {
						return
					}
				}
			}); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(text, next.Append(nil, next.serial)) {
				t.Errorf("it has become %q, %v", text, err)
			}
		})
	}
}
