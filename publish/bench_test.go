package publish_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// hugeZone has 20,000 services in blocks of 2 KB: 40 MB.
func hugeZone(b *testing.B, generation int) *zone.Snapshot {
	b.Helper()
	set, err := zone.NewSet(zone.Options{NoReverse: true})
	must(b, err)
	services := make([]zone.Service, 20_000)
	for i := range services {
		services[i] = zone.Service{
			Key:  zone.Key{Namespace: fmt.Sprintf("shop-%d", i%100), Name: fmt.Sprintf("web-%d", i)},
			Type: zone.ClusterSetIP,
		}
		for j := range 105 {
			services[i].IPs = append(services[i].IPs, fmt.Sprintf("10.%d.%d.%d", generation, i&255, j+100))
		}
	}
	set.Apply(zone.Changes{Services: services})
	return set.Snapshots()[0]
}

// BenchmarkPublish publishes 40 MB, and in the same run copies the same file
// with cp and sync, which promise less: no moment without half a file.
func BenchmarkPublish(b *testing.B) {
	path := b.TempDir()
	f := open(b, path, nil)
	both := []*zone.Snapshot{hugeZone(b, 1), hugeZone(b, 2)}
	file := f.publish(both[1]).Path
	other := filepath.Join(b.TempDir(), "copy")
	var ours, theirs time.Duration
	var bytes int64
	n := 0
	for b.Loop() {
		start := time.Now()
		results, err := f.Publish(context.Background(), both[n%2:][:1])
		ours += time.Since(start)
		must(b, err)
		bytes = results[0].Bytes

		start = time.Now()
		must(b, exec.Command("cp", file, other).Run())
		must(b, exec.Command("sync", other).Run())
		theirs += time.Since(start)
		n++
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(bytes)/1e6, "MB")
	b.ReportMetric(ours.Seconds()*1e3/float64(n), "publish-ms/op")
	b.ReportMetric(theirs.Seconds()*1e3/float64(n), "cp-sync-ms/op")
	b.ReportMetric(ours.Seconds()/theirs.Seconds(), "publish/cp-sync")
}

// BenchmarkUnchanged is what a Publish costs that has nothing to do, and what
// the first one after a restart costs, as parts of the time to read the file.
func BenchmarkUnchanged(b *testing.B) {
	path := b.TempDir()
	f := open(b, path, nil)
	snapshots := []*zone.Snapshot{hugeZone(b, 1)}
	file := f.publish(snapshots[0]).Path
	must(b, f.Close())
	var idle, restart, reading time.Duration
	n := 0
	for b.Loop() {
		start := time.Now()
		f, err := publish.OpenFolder(publish.FolderOptions{Path: path})
		must(b, err)
		results, err := f.Publish(context.Background(), snapshots)
		restart += time.Since(start)
		must(b, err)

		start = time.Now()
		again, err := f.Publish(context.Background(), snapshots)
		idle += time.Since(start)
		must(b, err)
		if results[0].Written || again[0].Written {
			b.Fatal("it was written")
		}
		must(b, f.Close())

		start = time.Now()
		r, err := os.Open(file)
		must(b, err)
		_, err = io.Copy(writeOnly{}, r)
		must(b, err)
		must(b, r.Close())
		reading += time.Since(start)
		n++
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(idle.Microseconds())/float64(n), "idle-us/op")
	b.ReportMetric(restart.Seconds()*1e3/float64(n), "restart-ms/op")
	b.ReportMetric(restart.Seconds()/reading.Seconds(), "restart/read")
}

// writeOnly throws bytes away after they were copied to the process.
type writeOnly struct{}

func (writeOnly) Write(p []byte) (int, error) { return len(p), nil }
