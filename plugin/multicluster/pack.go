package multicluster

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// apex is what stands at the head of a zone.
type apex struct {
	soa     *dns.SOA
	ns      []*dns.NS
	changed time.Time // when the change was seen that this version was made for; zero if that is not known
}

// packer packs the records of a block. It keeps its memory from one block to
// the next, and is not safe for concurrent use.
type packer struct {
	branching
	// forward are the zones that PTR records may point into.
	forward     []string
	noEndpoints bool
	// marked says that blocks of headless services are marked, so that no others are
	// to be taken for such.
	marked bool

	purse
	before   string // the branch that was begun last, in this block or the one before
	apex     apex
	branches map[string]*builder
	order    []*builder
	idle     []*builder
	last     *builder
	wire     []byte // scratch
}

func newPacker(o options) *packer {
	return &packer{
		branching: branchingOf(o.zone), forward: o.forward, noEndpoints: o.noEndpoints,
		branches: make(map[string]*builder), purse: purse{budget: newBudget(o.limits.memory)},
	}
}

// mostIdle is how many builders are kept of one block for the next.
const mostIdle = 8

// begin starts a block.
func (p *packer) begin() {
	clear(p.branches)
	p.idle = append(p.idle, p.order[:min(len(p.order), mostIdle)]...)
	clear(p.order)
	p.taken += blockCost
	p.order, p.last, p.apex = p.order[:0], nil, apex{}
}

// branch returns the builder of the branch that a name is in.
func (p *packer) branch(name []byte) *builder {
	start := cut(p.branching, name)
	if p.last != nil && p.last.branch == string(name[start:]) {
		return p.last
	}
	b := p.branches[string(name[start:])]
	if b == nil {
		if n := len(p.idle); n > 0 {
			b, p.idle = p.idle[n-1], p.idle[:n-1]
		} else {
			b = new(builder)
		}
		branch := string(name[start:])
		b.begin(branch)
		b.service = p.noEndpoints && isService(branch, p.zone)
		b.marked = p.marked
		p.taken += branchCost + above(branch, p.before, p.zone)
		if p.before = branch; len(p.order) > 0 {
			p.taken += manyCost
		}
		p.branches[branch] = b
		p.order = append(p.order, b)
	}
	p.last = b
	return b
}

// owner returns the builder and the entry for a record of a name. Kept is false
// if the record is to be left out.
func (p *packer) owner(name []byte) (b *builder, entry uint32, kept bool) {
	b = p.branch(name)
	if b.service && b.leftOut(name) {
		b.entries[0].exists = true // the service does, with or without records
		return b, 0, false
	}
	return b, b.owner(name), true
}

// afford spends what the last record takes, and reports whether the budget allows it. So
// no part becomes too large for offsets of 32 bits.
func (p *packer) afford() bool {
	b := p.last
	if b == nil {
		return true
	}
	cost := b.cost()
	grown := cost - b.paid
	b.paid = cost
	return p.pay(grown)
}

// pack returns the parts of the block, one for each branch that it has records of.
func (p *packer) pack() []*part {
	var parts []*part
	for _, b := range p.order {
		if packed := b.pack(); packed != nil {
			parts = append(parts, packed)
		}
	}
	return parts
}

// address takes in an A or AAAA record.
func (p *packer) address(name []byte, ttl uint32, a netip.Addr) {
	b, e, kept := p.owner(name)
	if b.service && !kept {
		b.filter.endpoints = append(b.filter.endpoints, a)
	}
	if b.service && e == 0 && kept {
		b.filter.bare = append(b.filter.bare, a)
	}
	if !kept {
		return
	}
	start, rrtype := len(b.payload), dns.TypeAAAA
	if a.Is4() {
		octets := a.As4()
		b.payload, rrtype = append(b.payload, octets[:]...), dns.TypeA
	} else {
		octets := a.As16()
		b.payload = append(b.payload, octets[:]...)
	}
	b.add(e, rrtype, ttl, start)
}

// service takes in an SRV record.
func (p *packer) service(name []byte, ttl uint32, priority, weight, port uint16, target []byte) {
	b, e, kept := p.owner(name)
	if b.service {
		b.seeTarget(target)
	}
	if !kept {
		return
	}
	start := len(b.payload)
	b.payload = append16(append16(append16(b.payload, priority), weight), port)
	b.target(target)
	b.add(e, dns.TypeSRV, ttl, start)
}

// pointer takes in a PTR record.
func (p *packer) pointer(name []byte, ttl uint32, target []byte) {
	if p.noEndpoints && isEndpoint(string(target), p.forward) {
		return
	}
	if b, e, kept := p.owner(name); kept {
		start := len(b.payload)
		b.target(target)
		b.add(e, dns.TypePTR, ttl, start)
	}
}

// other takes in a record of any other type, with its data in wire format.
func (p *packer) other(name []byte, rrtype uint16, ttl uint32, data []byte) {
	if b, e, kept := p.owner(name); kept {
		start := len(b.payload)
		b.payload = append(append16(b.payload, uint16(len(data))), data...)
		b.add(e, rrtype, ttl, start)
	}
}

// add takes in a record of the zone as the general parser gives it.
func (p *packer) add(rr dns.RR) error {
	h := rr.Header()
	name := []byte(canonical(h.Name))
	switch rr := rr.(type) {
	case *dns.SOA:
		p.apex.soa = rr
		return nil
	case *dns.NS:
		p.apex.ns = append(p.apex.ns, rr)
		return nil
	case *dns.A:
		return p.ip(name, h, rr.A.To4())
	case *dns.AAAA:
		return p.ip(name, h, rr.AAAA.To16())
	case *dns.SRV:
		p.service(name, h.Ttl, rr.Priority, rr.Weight, rr.Port, []byte(rr.Target))
		return nil
	case *dns.PTR:
		p.pointer(name, h.Ttl, []byte(rr.Ptr))
		return nil
	}
	if p.wire == nil {
		p.wire = make([]byte, dns.MaxMsgSize)
	}
	n, err := dns.PackRR(rr, p.wire, 0, nil, false)
	if err != nil {
		return fmt.Errorf("%s %s: %w", h.Name, dns.Type(h.Rrtype), err)
	}
	_, start, err := dns.UnpackDomainName(p.wire[:n], 0)
	if err != nil {
		return fmt.Errorf("%s: %w", h.Name, err)
	}
	const fixed = 10 // type, class, TTL and length
	p.other(name, h.Rrtype, h.Ttl, p.wire[start+fixed:n])
	return nil
}

func (p *packer) ip(name []byte, h *dns.RR_Header, ip net.IP) error {
	a, ok := netip.AddrFromSlice(ip)
	if !ok || a.Is4() != (h.Rrtype == dns.TypeA) {
		return fmt.Errorf("%s %s: %w", h.Name, dns.Type(h.Rrtype), errAddress)
	}
	p.address(name, h.Ttl, a)
	return nil
}

var errAddress = errors.New("not an address of its family")
