package e2e

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// comparers is how many questions are compared at a time.
const comparers = 4

// compareAfterLoad compares the servers that were under load with CoreDNS' in-memory implementation, which is started
// now: all names of the zone, and some that must not exist.
func compareAfterLoad(t testing.TB, c *churn, sides map[string]*loaded) {
	t.Helper()
	start := time.Now()
	oracle := serve(t, "kubernetes", "", inMemory(c.api.kubeconfig(t))).port
	state, file := c.state(), filepath.Join(sides["single"].dir, "db.clusterset.local")
	var all [comparers]*differential
	for i := range all {
		d := &differential{t: t, file: file, excuses: make(map[string]int), state: state}
		d.full = &comparison{differential: d, oracle: newResolver(t, "udp", oracle), ours: make(map[string]*resolver)}
		for layout, side := range sides {
			d.full.ours[layout] = newResolver(t, "udp", side.port)
		}
		all[i] = d
	}
	all[0].newSentinels(c.api)
	all[0].converge(c.api, 0)
	names := all[0].names()
	rng := rand.New(rand.NewPCG(1, 1034))
	zone, total := all[0].full.zone, len(names)
	names = slices.DeleteFunc(names, func(name string) bool { return !zone.exists[name] && rng.IntN(total) > 1000 })
	var group sync.WaitGroup
	part := (len(names) + comparers - 1) / comparers
	questions, excuses := 0, make(map[string]int)
	for i, names := range slices.Collect(slices.Chunk(names, part)) {
		d := all[i]
		d.full.zone = zone
		group.Go(func() { d.compareSome(names) })
	}
	group.Wait()
	for _, d := range all {
		questions += d.questions
		for reason, n := range d.excuses {
			excuses[reason] += n
		}
	}
	checkZone(t, clusterset, file)
	t.Logf("%d of %d names compared, all %d of the zone among them, by %d questions to each server, in %s; on purpose different: %v",
		len(names), total, len(zone.exists), questions, time.Since(start).Round(time.Second), excuses)
	compareSecondaries(t, sides)
}

// compareSome asks for services all that compareNames does. Of other names there are so many that of each, all types but A
// have their turn.
func (d *differential) compareSome(names []string) {
	others := []uint16{dns.TypeAAAA, dns.TypeSRV, dns.TypeTXT, dns.TypePTR, dns.TypeHTTPS}
	var full []string
	for i, name := range names {
		if below, _ := newQuestion(name, dns.TypeNone).below(); len(below) == 0 {
			full = append(full, name)
			continue
		}
		d.compareOne(name, dns.TypeA)
		d.compareOne(name, others[i%len(others)])
	}
	d.compareNames(full)
}

// compareSecondaries compares what secondaries have that followed all the while with what a new one gets.
func compareSecondaries(t testing.TB, sides map[string]*loaded) {
	t.Helper()
	for layout, side := range sides {
		fresh, s := newIXFRClient(side.port), side.secondary
		if err := errors.Join(s.refresh(), fresh.refresh()); err != nil {
			t.Errorf("a transfer of %s: %v", layout, err)
			continue
		}
		if s.serial != fresh.serial || len(s.records) != len(fresh.records) {
			t.Errorf("a secondary of %s has %d records of serial %d, not %d of %d", layout, len(s.records), s.serial, len(fresh.records), fresh.serial)
		}
		for record := range fresh.records {
			if !s.records[record] {
				t.Errorf("a secondary of %s lacks %s", layout, record)
			}
		}
		if s.incremental == 0 {
			t.Errorf("a secondary of %s got no difference", layout)
		}
	}
}
