package zone

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// benchServices makes a clusterset of the given number of services: four in five
// are ClusterSetIP with 2 ports, the rest headless with 50 endpoints in 2
// clusters and 2 ports. 1,000 services have about 64,000 records.
func benchServices(n int) []Service {
	ports := []Port{{"http", "TCP", 80}, {"https", "TCP", 443}}
	services := make([]Service, n)
	for i := range services {
		s := Service{Key: Key{fmt.Sprintf("team-%d", i%97), fmt.Sprintf("service-%d", i)}, Type: ClusterSetIP, Ports: ports}
		s.IPs = []string{fmt.Sprintf("10.%d.%d.%d", 200+i>>16, i>>8&255, i&255)}
		if i%5 == 0 {
			s.Type, s.IPs = Headless, nil
			for c := range 2 {
				slice := EndpointSlice{Cluster: fmt.Sprintf("cluster-%d", c), Ports: ports}
				for e := range 25 {
					at := (i/5*2+c)*25 + e
					slice.Endpoints = append(slice.Endpoints, Endpoint{Addresses: []string{fmt.Sprintf("10.%d.%d.%d", at>>16, at>>8&255, at&255)}, Ready: true})
				}
				s.Slices = append(s.Slices, slice)
			}
		}
		services[i] = s
	}
	return services
}

// BenchmarkRender renders all services of a cluster and compares with copying
// the resulting file: x/copy is how many copies it took. Sizes are in records.
func BenchmarkRender(b *testing.B) {
	for _, n := range []int{1000, 16_000} {
		services := benchServices(n)
		s := mustSet(b, Options{TTL: 5})
		s.Apply(Changes{Services: services})
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
				s := mustSet(b, Options{TTL: 5, NoReverse: true})
				s.Apply(Changes{Services: services})
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
	for _, n := range []int{1000, 16_000} {
		services := benchServices(n)
		s := mustSet(b, Options{TTL: 5})
		s.Apply(Changes{Services: services})
		s.Snapshots()
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			ready := false
			changed := services[n/10*5]
			var before *Snapshot
			for b.Loop() {
				changed.Slices[0].Endpoints[0].Ready = ready
				ready = !ready
				s.Apply(Changes{Services: []Service{changed}})
				after := s.Snapshots()[0]
				if before != nil && after.Equal(before) {
					b.Fatal("no change")
				}
				before = after
			}
		})
	}
}
