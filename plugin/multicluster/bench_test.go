package multicluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/internal/synthetic"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/file"
	"github.com/coredns/coredns/plugin/whoami"

	"github.com/miekg/dns"
)

// BenchmarkQueries sends a mix of queries through the whole of CoreDNS but the
// sockets: from the wire to the wire. It compares with CoreDNS' file plugin, and
// with whoami, which is as fast as CoreDNS can be.
func BenchmarkQueries(b *testing.B) {
	c := small()
	perQuery := make(map[string]float64)
	for _, it := range []struct {
		name    string
		handler plugin.Handler
	}{
		{"whoami", whoami.Whoami{}},
		{"file", fileOfAll(b, map[string]string{clusterset: string(c.text)})},
		{"multicluster", loaded(b, map[string]string{clusterset: string(c.text)})},
	} {
		b.Run(it.name, func(b *testing.B) {
			s := serverOf(b, it.handler)
			queries := make([][]byte, 10_000)
			for i, q := range c.queries(len(queries)) {
				wire, err := q.Pack()
				if err != nil {
					b.Fatal(err)
				}
				queries[i] = wire
			}
			w := &wireWriter{ResponseWriter: nil}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m := new(dns.Msg)
				if err := m.Unpack(queries[i%len(queries)]); err != nil {
					b.Fatal(err)
				}
				s.ServeDNS(context.Background(), w, m)
				i++
			}
			perQuery[it.name] = b.Elapsed().Seconds() / float64(i)
			for _, other := range []string{"whoami", "file"} {
				if base := perQuery[other]; base > 0 && other != it.name {
					b.ReportMetric(base/perQuery[it.name], "x/"+other)
				}
			}
		})
	}
}

// wireWriter packs messages, and drops them.
type wireWriter struct{ dns.ResponseWriter }

func (*wireWriter) WriteMsg(m *dns.Msg) error { _, err := m.Pack(); return err }
func (*wireWriter) RemoteAddr() net.Addr      { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4000} }

func (*wireWriter) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53} }

// serverOf is a server with one plugin.
func serverOf(t testing.TB, h plugin.Handler) *dnsserver.Server {
	t.Helper()
	config := &dnsserver.Config{Zone: clusterset}
	config.AddPlugin(func(plugin.Handler) plugin.Handler { return h })
	s, err := dnsserver.NewServer("dns://:0", []*dnsserver.Config{config})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sizes are those of the zones that are measured, by name.
var sizes = []struct {
	name string
	size synthetic.Size
}{{"64k", synthetic.Small}, {"1M", synthetic.Large}}

// zoneOnDisk writes a zone into a folder of its own, and keeps nothing of it in
// memory.
func zoneOnDisk(b *testing.B, size synthetic.Size) (dir string) {
	b.Helper()
	dir = b.TempDir()
	writeCluster(b, newCluster("", size), dir)
	runtime.GC()
	return dir
}

// theirZone loads the zone as the file plugin does.
func theirZone(b *testing.B, dir string) *file.Zone {
	b.Helper()
	f, err := os.Open(filepath.Join(dir, fileOf(clusterset)))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	z, err := file.Parse(f, clusterset, f.Name(), -1)
	if err != nil {
		b.Fatal(err)
	}
	return z
}

func ourZone(b *testing.B, dir string) *fileZone {
	b.Helper()
	z := newZone(options{zone: clusterset, dir: dir, limits: defaultLimits})
	if z.check(context.Background()); z.current.Load() == nil {
		b.Fatal(z.trouble)
	}
	return z
}

// BenchmarkLoad loads a zone for the first time, and compares with file.Parse.
func BenchmarkLoad(b *testing.B) {
	for _, it := range sizes {
		b.Run(it.name, func(b *testing.B) {
			dir := zoneOnDisk(b, it.size)
			var theirs time.Duration
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				start := time.Now()
				theirZone(b, dir)
				theirs += time.Since(start)
				runtime.GC()
				b.StartTimer()
				ourZone(b, dir)
			}
			b.ReportMetric(b.Elapsed().Seconds()/theirs.Seconds(), "x/file.Parse")
			b.ReportMetric(theirs.Seconds()/float64(b.N), "s/file.Parse")
		})
	}
}

// BenchmarkHeap compares what a loaded zone takes with file.
func BenchmarkHeap(b *testing.B) {
	for _, it := range sizes {
		b.Run(it.name, func(b *testing.B) {
			dir := zoneOnDisk(b, it.size)
			for b.Loop() {
				theirs := heapOf(func() any { return theirZone(b, dir) })
				ours := heapOf(func() any { return ourZone(b, dir) })
				b.ReportMetric(ours/theirs, "x/file")
				b.ReportMetric(ours/1e6, "MB")
				b.ReportMetric(theirs/1e6, "MB-file")
			}
		})
	}
}

func heapOf(do func() any) float64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := do()
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return float64(after.HeapAlloc) - float64(before.HeapAlloc)
}

// BenchmarkReload changes one service and loads the zone again, in both layouts.
func BenchmarkReload(b *testing.B) {
	for _, c := range []*cluster{small(), large()} {
		for _, layout := range []string{"single", "chunked"} {
			b.Run(fmt.Sprintf("%s/%s", c.name, layout), func(b *testing.B) {
				dir := b.TempDir()
				serial := uint32(0)
				write := func() {
					serial++
					s := c.change(serial%2 == 0)
					if layout == "chunked" {
						putChunked(b, dir, s, serial)
						return
					}
					put(b, dir, fileOf(clusterset), string(s.Append(nil, serial)))
				}
				write()
				z := newZone(options{zone: clusterset, dir: dir, limits: defaultLimits})
				z.check(context.Background())
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					write()
					b.StartTimer()
					z.check(context.Background())
					if got := z.current.Load().serial(); got != serial {
						b.Fatalf("serial %d is served, not %d: %s", got, serial, z.trouble)
					}
				}
			})
		}
	}
}
