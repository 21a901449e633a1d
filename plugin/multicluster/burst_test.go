package multicluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clusterset-dns/zonegen/internal/synthetic"
	"github.com/clusterset-dns/zonegen/zone"

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

// burst is a zone that changes while it is asked.
type burst struct {
	// write puts a version in the place of the one before.
	write func(version int)
	// pick returns a random question, asked while this version is about to be
	// served, and what it is answered in a version.
	pick func(rng *rand.Rand, version int) (*dns.Msg, func(version int) string)
}

// run asks 10,000 random questions, over UDP and from several sides, while the
// zone is loaded 200 times. Each answer must be that of a version which was served
// between the question and the answer.
func (b burst) run(t *testing.T, dir string) {
	const askers, questions, versions = 8, 10_000, 200
	b.write(1)
	s := serverOn(t, dir, simple)
	var asked, begun, done atomic.Int64
	begun.Store(1)
	done.Store(1)
	var sides sync.WaitGroup
	for side := range askers {
		sides.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(side), 1))
			c := &dns.Client{Timeout: patience, UDPSize: dns.MaxMsgSize}
			conn, err := c.Dial(s.udp)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			for !t.Failed() && (asked.Add(1) <= questions || done.Load() < versions) {
				r, answer := b.pick(rng, int(begun.Load()))
				r.SetEdns0(dns.MaxMsgSize-1, false)
				from := done.Load()
				got, _, err := c.ExchangeWithConn(r, conn)
				to := begun.Load()
				if err != nil {
					t.Error(err)
					return
				}
				text, fits := said(got), false
				for v := from; v <= to; v++ {
					fits = fits || text == answer(int(v))
				}
				if !fits {
					t.Errorf("%s: %s fits no version from %d to %d; the last has %s", r.Question[0].Name, text, from, to, answer(int(to)))
				}
			}
		})
	}
	for version := 2; version <= versions; version++ {
		begun.Store(int64(version))
		b.write(version)
		until(t, "the version is served", func() bool {
			return s.ask(t, clusterset, dns.TypeSOA).Answer[0].(*dns.SOA).Serial == uint32(version)
		})
		done.Store(int64(version))
	}
	sides.Wait()
	if n := asked.Load(); n < questions {
		t.Errorf("%d questions only", n)
	}
}

// said is the code of an answer, its data, and the addresses that go with them.
func said(m *dns.Msg) string {
	text := brief(m)
	for _, rr := range m.Extra {
		if a, ok := rr.(*dns.A); ok {
			text += " " + a.A.String()
		}
	}
	return text
}

func TestBurst(t *testing.T) {
	for layout, text := range map[string]func(int) string{"blocks": burstFile, "general": func(v int) string { return plain(burstFile(v)) }} {
		t.Run(layout, func(t *testing.T) {
			dir := t.TempDir()
			burst{
				write: func(version int) {
					put(t, dir, "db.clusterset.local", text(version))
					old(t, dir, "db.clusterset.local")
				},
				pick: func(rng *rand.Rand, _ int) (*dns.Msg, func(int) string) {
					i, kind := rng.IntN(burstNames), rng.IntN(2)
					name := fmt.Sprintf("s%d.n%d.svc.clusterset.local.", i, i%4)
					r := question(name, dns.TypeA)
					if kind == 1 {
						r = question("_p._tcp."+name, dns.TypeSRV)
					}
					return r, func(version int) string { return burstAnswer(version, i, kind) }
				},
			}.run(t, dir)
		})
	}
}

// TestBurstOfLargeZone is TestBurst with the zone of a cluster with 64,000
// records, of which each version changes a hundredth. Every other question is for
// a service that has just changed.
func TestBurstOfLargeZone(t *testing.T) {
	for _, layout := range []string{"single", "chunked"} {
		t.Run(layout, func(t *testing.T) {
			dir := t.TempDir()
			set := newSet(t, zone.Options{NoReverse: true})
			services := synthetic.Services(synthetic.Small, 1)
			burst{
				write: func(version int) {
					var changes zone.Changes
					for i := range services {
						switch s, exists := generationOf(&services[i], i, version); {
						case version > 1 && generation(i, version) == generation(i, version-1):
						case exists:
							changes.Services = append(changes.Services, s)
						default:
							changes.Removed = append(changes.Removed, s.Key)
						}
					}
					set.Apply(changes)
					snapshot := set.Snapshots()[0]
					if layout == "chunked" {
						putChunked(t, dir, snapshot, uint32(version))
						return
					}
					put(t, dir, fileOf(clusterset), string(snapshot.Append(nil, uint32(version))))
				},
				pick: func(rng *rand.Rand, version int) (*dns.Msg, func(int) string) {
					i := rng.IntN(len(services))
					for changed := rng.IntN(2) == 0; changed && (i+version)%changeOneIn != 0; {
						i = rng.IntN(len(services))
					}
					key := services[i].Key
					name := key.Name + "." + key.Namespace + ".svc." + clusterset
					if rng.IntN(2) == 0 {
						return question(name, dns.TypeA), func(version int) string { return generationAnswer(&services[i], i, version, dns.TypeA) }
					}
					return question("_http._tcp."+name, dns.TypeSRV), func(version int) string {
						return generationAnswer(&services[i], i, version, dns.TypeSRV)
					}
				},
			}.run(t, dir)
		})
	}
}

// changeOneIn is the share of services that change with each version.
const changeOneIn = 100

// generation is how often a service has changed by a version.
func generation(i, version int) int { return (i + version) / changeOneIn }

// generationOf is a service as it is in a version, if it exists there: the
// addresses tell the generation, and so does a port.
func generationOf(base *zone.Service, i, version int) (zone.Service, bool) {
	g, s := generation(i, version), *base
	s.Ports = []zone.Port{{Name: "http", Number: int32(1000 + g)}}
	if s.Type == zone.ClusterSetIP {
		s.IPs = []string{fmt.Sprintf("172.16.%d.%d", g, i&255)}
	}
	s.Slices = slices.Clone(s.Slices)
	for c := range s.Slices {
		slice := &s.Slices[c]
		slice.Ports, slice.Endpoints = s.Ports, slices.Clone(slice.Endpoints)
		for e := range slice.Endpoints {
			slice.Endpoints[e].Addresses = []string{fmt.Sprintf("172.16.%d.%d", g, c*100+10+e)} // as many digits for all: so their names are in this order, too
		}
	}
	return s, (i+g)%4 != 3
}

// generationAnswer is the answer to a question for a service in a version.
func generationAnswer(base *zone.Service, i, version int, qtype uint16) string {
	s, exists := generationOf(base, i, version)
	if !exists {
		return "NXDOMAIN"
	}
	name := s.Name + "." + s.Namespace + ".svc." + clusterset
	answer, extra := "NOERROR", ""
	add := func(target, address string, weight int) {
		if qtype == dns.TypeA {
			answer += " A " + address
			return
		}
		answer += fmt.Sprintf(" SRV 0 %d %d %s", weight, s.Ports[0].Number, target)
		extra += " " + address
	}
	if s.Type == zone.ClusterSetIP {
		add(name, s.IPs[0], 100)
	}
	for _, slice := range s.Slices {
		for _, e := range slice.Endpoints {
			add(synthetic.EndpointName(e.Addresses[0], slice.Cluster, s.Key, clusterset), e.Addresses[0], 100/(2*len(slice.Endpoints)))
		}
	}
	return answer + extra
}
