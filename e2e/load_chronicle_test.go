package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// chronicle is all that the services of a clusterset have ever been. Under load an answer may be of an older version, but
// of one that there was. No two objects ever have the same address, so an address tells which object it is of.
type chronicle struct {
	mu     sync.RWMutex
	living []*past
	dead   []*past
	owners map[string]*versions // by address
}

// past is what a service has been.
type past struct {
	name    string
	objects []*versions // of the import, or of each slice of a headless service
	asks    []ask
}

// versions are those of one object. Of each, only the addresses are told, in order; an object that is gone has none.
type versions struct {
	of   *past
	sets []string
}

func newChronicle() *chronicle { return &chronicle{owners: make(map[string]*versions)} }

// born begins the past of a service with so many objects, which have no addresses yet.
func (c *chronicle) born(name string, objects int, asks []ask) *past {
	p := &past{name: name, asks: asks}
	for range objects {
		p.objects = append(p.objects, &versions{of: p, sets: []string{""}})
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.living = append(c.living, p)
	return p
}

// becomes is called before an object is written that will have these addresses.
func (c *chronicle) becomes(v *versions, addresses []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, address := range addresses {
		c.owners[address] = v
	}
	v.sets = append(v.sets, set(addresses))
}

// dies is called before a service is deleted.
func (c *chronicle) dies(p *past) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range p.objects {
		v.sets = append(v.sets, "")
	}
	i := slices.Index(c.living, p)
	c.living[i] = c.living[len(c.living)-1]
	c.living = c.living[:len(c.living)-1]
	c.dead = append(c.dead, p)
}

// begin forgets what was before: from now on, only what there is now may be seen, and what comes.
func (c *chronicle) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.living {
		for _, v := range p.objects {
			v.sets = v.sets[len(v.sets)-1:]
		}
	}
}

func set(addresses []string) string {
	return strings.Join(slices.Sorted(slices.Values(addresses)), " ")
}

// pick returns a random service, one in eight of which is no more.
func (c *chronicle) pick(rng *rand.Rand) *past {
	c.mu.RLock()
	defer c.mu.RUnlock()
	from := c.living
	if len(c.dead) > 0 && rng.IntN(8) == 0 {
		from = c.dead
	}
	return from[rng.IntN(len(from))]
}

// judge returns what is wrong with the addresses of a service in an answer, if there is not a version of each of its
// objects that has those of them that are the object's: not one before that which the same client has seen last.
func (c *chronicle) judge(p *past, addresses []string, seen map[*versions]int) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	of := make(map[*versions][]string)
	for _, address := range addresses {
		v := c.owners[address]
		if v == nil || v.of != p {
			return fmt.Errorf("%s was never an address of %s", address, p.name)
		}
		of[v] = append(of[v], address)
	}
	for _, v := range p.objects {
		set, last := set(of[v]), seen[v]
		i := slices.Index(v.sets[last:], set)
		switch {
		case i >= 0:
			seen[v] = last + i
		case slices.Contains(v.sets[:last], set):
			return fmt.Errorf("an object of %s is as it was before what this client has seen already: %q, not %q", p.name, set, v.sets[last:])
		default:
			return fmt.Errorf("an object of %s was never so: %q, but %q", p.name, set, v.sets[last:])
		}
	}
	return nil
}

// addressesOf are the addresses that an answer tells of a headless service or a ClusterSetIP: those of A records, and
// those that SRV records have in the names of endpoints.
func addressesOf(answer []dns.RR) []string {
	var all []string
	for _, rr := range answer {
		switch rr := rr.(type) {
		case *dns.A:
			all = append(all, rr.A.String())
		case *dns.SRV:
			host, _, _ := strings.Cut(rr.Target, ".")
			all = append(all, strings.ReplaceAll(host, "-", "."))
		}
	}
	return all
}

// TestChronicle: what was is accepted once, in its order, and whole.
func TestChronicle(t *testing.T) {
	c := newChronicle()
	db, web := c.born("db", 2, nil), c.born("web", 1, nil)
	east, west := db.objects[0], db.objects[1]
	c.becomes(east, []string{"10.0.0.2", "10.0.0.1"})
	c.becomes(west, []string{"10.1.0.1"})
	c.becomes(web.objects[0], []string{"10.2.0.1"})
	c.begin()
	c.becomes(east, []string{"10.0.0.1"})
	c.becomes(east, []string{"10.0.0.1", "10.0.0.3"})
	c.becomes(east, []string{"10.0.0.1"}) // as it was
	seen := make(map[*versions]int)
	for _, step := range []struct {
		of        *past
		addresses string
		wrong     string
	}{
		{db, "10.0.0.1 10.0.0.2 10.1.0.1", ""},
		{web, "10.2.0.1", ""},
		{web, "", "was never so"},
		{db, "10.1.0.1 10.0.0.1", ""},
		{db, "10.0.0.1", "was never so"},
		{db, "10.0.0.1 10.1.0.1 10.2.0.1", "was never an address"},
		{db, "10.0.0.3 10.1.0.1", "was never so"},
		{db, "10.0.0.3 10.0.0.1 10.1.0.1", ""},
		{db, "10.0.0.1 10.1.0.1", ""},
		{db, "10.0.0.3 10.0.0.1 10.1.0.1", "as it was before"},
		{db, "", "was never so"},
	} {
		if err := c.judge(step.of, strings.Fields(step.addresses), seen); step.wrong == "" && err != nil ||
			step.wrong != "" && (err == nil || !strings.Contains(err.Error(), step.wrong)) {
			t.Errorf("%s %q: %v", step.of.name, step.addresses, err)
		}
	}
	c.dies(db)
	if err := c.judge(db, nil, seen); err != nil {
		t.Error(err)
	}
	if err := c.judge(db, []string{"10.0.0.1", "10.1.0.1"}, seen); err == nil {
		t.Error("what is gone may not come back")
	}
	if len(c.living) != 1 || len(c.dead) != 1 {
		t.Errorf("%d live, %d are dead", len(c.living), len(c.dead))
	}
}
