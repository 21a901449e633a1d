package multicluster

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"
)

// names of the zone of the burst. In version v, name i exists unless i+v is
// divisible by 3, and its data tells v.
const burstNames = 60

func burstFile(version int) string {
	var lines []string
	for i := range burstNames {
		if (i+version)%3 == 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("$ORIGIN s%d.n%d.svc.clusterset.local.", i, i%4))
		for host := range 1 + (i+version)%4 {
			lines = append(lines,
				fmt.Sprintf("@ 5 A 10.%d.%d.%d", version>>8, version&255, host),
				fmt.Sprintf("_p._tcp 5 SRV 0 1 %d h%d.east", version, host),
				fmt.Sprintf("h%d.east 5 A 10.%d.%d.%d", host, version>>8, version&255, host))
		}
	}
	return zoneFile(clusterset, uint32(version), lines...)
}

// burstAnswer is the answer to a question in a version.
func burstAnswer(version int, i int, kind int) string {
	name := fmt.Sprintf("s%d.n%d.svc.clusterset.local.", i, i%4)
	if (i+version)%3 == 0 {
		return "NXDOMAIN"
	}
	out, extra := "NOERROR", ""
	for host := range 1 + (i+version)%4 {
		address := fmt.Sprintf("10.%d.%d.%d", version>>8, version&255, host)
		switch kind {
		case 0:
			out += " A " + address
		case 1:
			out += fmt.Sprintf(" SRV 0 1 %d h%d.east.%s", version, host, name)
			extra += " " + address
		}
	}
	return out + extra
}

// TestBurst asks 10,000 random questions, over UDP and from several sides, while
// the zone is loaded 200 times. Each answer must be that of a version which was
// served between the question and the answer.
func TestBurst(t *testing.T) {
	const askers, questions, versions = 8, 10_000, 200
	for layout, text := range map[string]func(int) string{"blocks": burstFile, "general": func(v int) string { return plain(burstFile(v)) }} {
		t.Run(layout, func(t *testing.T) {
			dir := t.TempDir()
			put(t, dir, "db.clusterset.local", burstFile(1))
			s := serverOn(t, dir, simple)
			var asked, begun, done atomic.Int64
			begun.Store(1)
			done.Store(1)
			var sides sync.WaitGroup
			for side := range askers {
				sides.Go(func() {
					rng := rand.New(rand.NewPCG(uint64(side), 1))
					c := &dns.Client{Timeout: patience}
					conn, err := c.Dial(s.udp)
					if err != nil {
						t.Error(err)
						return
					}
					defer conn.Close()
					for !t.Failed() && (asked.Add(1) <= questions || done.Load() < versions) {
						i, kind := rng.IntN(burstNames), rng.IntN(2)
						name := fmt.Sprintf("s%d.n%d.svc.clusterset.local.", i, i%4)
						r := question(name, dns.TypeA)
						if kind == 1 {
							r = question("_p._tcp."+name, dns.TypeSRV)
						}
						from := done.Load()
						got, _, err := c.ExchangeWithConn(r, conn)
						to := begun.Load()
						if err != nil {
							t.Error(err)
							return
						}
						text := brief(got)
						for _, rr := range got.Extra {
							text += " " + rr.(*dns.A).A.String()
						}
						fits := false
						for v := from; v <= to; v++ {
							fits = fits || text == burstAnswer(int(v), i, kind)
						}
						if !fits {
							t.Errorf("%s: %s fits no version from %d to %d", name, text, from, to)
						}
					}
				})
			}
			for version := 2; version <= versions; version++ {
				begun.Store(int64(version))
				put(t, dir, "db.clusterset.local", text(version))
				old(t, dir, "db.clusterset.local")
				until(t, "the version is served", func() bool {
					return s.ask(t, clusterset, dns.TypeSOA).Answer[0].(*dns.SOA).Serial == uint32(version)
				})
				done.Store(int64(version))
			}
			sides.Wait()
			if n := asked.Load(); n < questions {
				t.Errorf("%d questions only", n)
			}
		})
	}
}
