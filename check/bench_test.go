package check

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"
)

// benchZones writes the zones of a clusterset.
func benchZones(tb testing.TB, size synthetic.Size) map[string][]byte {
	tb.Helper()
	set, err := zone.NewSet(zone.Options{TTL: 5})
	if err != nil {
		tb.Fatal(err)
	}
	set.Apply(zone.Changes{Services: synthetic.Services(size, 1)})
	files := make(map[string][]byte)
	for _, s := range set.Snapshots() {
		files["db."+s.Origin()] = s.Append(nil, 1)
	}
	return files
}

// BenchmarkCheck reads and judges a forward and a reverse zone, and compares with
// nothing but parsing them: x/parse is how many times as long it took. B/record is
// what stays in memory.
func BenchmarkCheck(b *testing.B) {
	for _, size := range []synthetic.Size{synthetic.Small, synthetic.Large} {
		files := benchZones(b, size)
		records := 0
		for name, text := range files {
			records += parseOnly(b, name, text)
		}
		b.Run(fmt.Sprintf("records=%d", records), func(b *testing.B) {
			var parsing time.Duration
			var kept uint64
			for b.Loop() {
				b.StopTimer()
				start := time.Now()
				for name, text := range files {
					parseOnly(b, name, text)
				}
				parsing += time.Since(start)
				before := heap()
				b.StartTimer()
				var zones []*Zone
				for name, text := range files {
					z, err := Read(bytes.NewReader(text), Source{Name: name, Origin: name[len("db."):]})
					if err != nil {
						b.Fatal(err)
					}
					zones = append(zones, z)
				}
				report := Judge(zones...)
				b.StopTimer()
				kept = heap() - before
				if len(report.Findings) > 0 {
					b.Fatal(text(report))
				}
				runtime.KeepAlive(zones)
				b.StartTimer()
			}
			b.ReportMetric(float64(b.Elapsed())/float64(parsing), "x/parse")
			b.ReportMetric(float64(records*b.N)/b.Elapsed().Seconds(), "records/s")
			b.ReportMetric(float64(kept)/float64(records), "B/record")
		})
	}
}

// parseOnly parses a zone and keeps nothing.
func parseOnly(b *testing.B, name string, text []byte) (records int) {
	b.Helper()
	zp := dns.NewZoneParser(bytes.NewReader(text), name[len("db."):], "")
	for _, ok := zp.Next(); ok; _, ok = zp.Next() {
		records++
	}
	if err := zp.Err(); err != nil {
		b.Fatal(err)
	}
	return records
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
