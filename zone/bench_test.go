package zone_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"
)

func newSet(b *testing.B, o zone.Options) *zone.Set {
	b.Helper()
	s, err := zone.NewSet(o)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// sizes are those of the clustersets that are measured.
var sizes = []synthetic.Size{synthetic.Small, synthetic.Large}

// BenchmarkRender renders all services of a cluster and compares with copying
// the resulting file: x/copy is how many copies it took. Sizes are in records.
func BenchmarkRender(b *testing.B) {
	for _, size := range sizes {
		services := synthetic.Services(size, 1)
		s := newSet(b, zone.Options{TTL: 5})
		s.Apply(zone.Changes{Services: services})
		snap := s.Snapshots()[0]
		records := snap.Counts().Total()
		file := filepath.Join(b.TempDir(), "zone")
		if err := os.WriteFile(file, snap.Append(nil, 1), 0o600); err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			b.ReportAllocs()
			var copying time.Duration
			for b.Loop() {
				b.StopTimer()
				start := time.Now()
				copyFile(b, file)
				copying += time.Since(start)
				b.StartTimer()
				s := newSet(b, zone.Options{TTL: 5, NoReverse: true})
				s.Apply(zone.Changes{Services: services})
				_ = s.Snapshots()[0].Buffers(1)
			}
			b.ReportMetric(float64(b.Elapsed())/float64(copying), "x/copy")
			b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func copyFile(b *testing.B, name string) {
	in, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(name + ".copy")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		b.Fatal(err)
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkChange changes one endpoint of one service, with views taken each
// time, in clustersets of two sizes.
func BenchmarkChange(b *testing.B) {
	for _, size := range sizes {
		services := synthetic.Services(size, 1)
		s := newSet(b, zone.Options{TTL: 5})
		s.Apply(zone.Changes{Services: services})
		s.Snapshots()
		b.Run(fmt.Sprintf("records=%d", size.Records()), func(b *testing.B) {
			b.ReportAllocs()
			ready := false
			changed := services[size.Services/10*5]
			var before *zone.Snapshot
			for b.Loop() {
				changed.Slices[0].Endpoints[0].Ready = ready
				ready = !ready
				s.Apply(zone.Changes{Services: []zone.Service{changed}})
				after := s.Snapshots()[0]
				if before != nil && after.Equal(before) {
					b.Fatal("no change")
				}
				before = after
			}
		})
	}
}
