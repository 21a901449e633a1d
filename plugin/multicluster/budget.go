package multicluster

import (
	"fmt"
	"sync/atomic"

	"github.com/miekg/dns"
)

// What there is of each in memory beside its text and data, in octets: rounded up, with the
// spare room of what grows.
const (
	blockCost  = 250 // a [source], and what finds it again
	branchCost = 400 // a [part] and a [branch]
	manyCost   = 700 // a [builder], if a block has more than one
	aboveCost  = 100 // a [branch] without parts, of a name above
	entryCost  = 30
	recordCost = 20
	parsedCost = 160 // a record as the general parser makes it
)

// budget is how much memory the parsers may still take for one version of a zone. Text
// does not bound that: an $ORIGIN makes a short owner a long name, and each label of a
// name can be a name of its own.
type budget struct {
	most int64
	left atomic.Int64
}

func newBudget(octets int64) *budget {
	b := &budget{most: octets}
	b.left.Store(octets)
	return b
}

// take takes so many octets, and reports whether they were left.
func (b *budget) take(octets int64) bool { return b.left.Add(-octets) >= 0 }

// spent is the error of a zone that takes too much. Where in the zone that was noticed
// may be empty.
func (b *budget) spent(at string) error {
	if at != "" {
		at = " at " + at
	}
	return fmt.Errorf("%w, %d MiB%s: it has too many names, or too many labels in them; shorten them or split the zone", errMemory, b.most>>20, at)
}

// purse is what one packer has spent of a budget. Small sums are settled together.
type purse struct {
	*budget
	taken, settled int64
}

// smallSum is in octets.
const smallSum = 64 << 10

// pay spends octets, and reports whether they were left.
func (p *purse) pay(octets int64) bool {
	p.taken += octets
	return p.taken-p.settled < smallSum || p.settle()
}

// settle tells the budget what was spent, and reports whether that was left.
func (p *purse) settle() bool {
	sum := p.taken - p.settled
	p.settled = p.taken
	return p.take(sum)
}

// cost is how much memory is taken for what the builder has gathered, in octets.
func (b *builder) cost() int64 {
	return int64(len(b.names) + len(b.payload) + entryCost*len(b.entries) + recordCost*len(b.records))
}

// above returns what the names above a branch take that are not above the last one, too:
// most files have their names in an order.
func above(branch, last, zone string) int64 {
	n := min(len(branch), len(last))
	same := 0
	for same < n && branch[len(branch)-1-same] == last[len(last)-1-same] {
		same++
	}
	own := max(0, len(branch)-max(same, len(zone)))
	return aboveCost * int64(dns.CountLabel(branch[:own]))
}
