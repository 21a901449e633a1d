package zone

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"
	"strconv"
)

// reverse keeps the PTR records of all reverse zones: one for each address that
// is claimed, whoever claims it (spec: "only one PTR record may exist per IP").
type reverse struct {
	zones  []*reverseZone
	byCIDR map[netip.Prefix]*reverseZone
	bits4  []int // the lengths of the zones' prefixes, longest first
	bits6  []int
	groups map[netip.Prefix]*group
	dirty  map[netip.Prefix]*group
	ttl    uint32
	// suffix is what stands between a service's name and the end of the name
	// that a PTR points to.
	suffix string
	out    []byte // scratch
}

// reverseZone is one reverse zone.
type reverseZone struct {
	prefix netip.Prefix
	origin string
	apex   apex
	order  *order
}

// group holds the claims to the addresses of one block of a reverse zone: those
// that differ in their last octet only.
type group struct {
	zone   *reverseZone
	prefix netip.Prefix
	claims []groupClaim // sorted by octet
}

type groupClaim struct {
	by    *entry
	octet byte // the last one of the address
	vip   bool // the address is a ClusterSetIP of the service
}

func newReverse(o Options) *reverse {
	r := &reverse{
		byCIDR: make(map[netip.Prefix]*reverseZone),
		groups: make(map[netip.Prefix]*group),
		dirty:  make(map[netip.Prefix]*group),
		ttl:    o.TTL,
		suffix: ".svc." + o.Zones[0],
	}
	cidrs := o.ReverseCIDRs
	if len(cidrs) == 0 && !o.NoReverse {
		cidrs = []netip.Prefix{netip.PrefixFrom(netip.IPv4Unspecified(), 0), netip.PrefixFrom(netip.IPv6Unspecified(), 0)}
	}
	for _, p := range cidrs {
		for _, part := range splitOnBorder(p.Masked()) {
			perBorder := uint64(blocksPerBorder6)
			if part.Addr().Is4() {
				perBorder = blocksPerBorder4
			}
			z := &reverseZone{prefix: part, origin: reverseName(part), order: newOrder(perBorder)}
			z.apex = reverseApex(z.origin, o)
			r.zones = append(r.zones, z)
			r.byCIDR[part] = z
			if part.Addr().Is4() {
				r.bits4 = append(r.bits4, part.Bits())
			} else {
				r.bits6 = append(r.bits6, part.Bits())
			}
		}
	}
	for _, bits := range []*[]int{&r.bits4, &r.bits6} {
		slices.SortFunc(*bits, func(a, b int) int { return cmp.Compare(b, a) })
		*bits = slices.Compact(*bits)
	}
	return r
}

// update takes in that a service's block has changed, each may be nil.
func (r *reverse) update(e *entry, old, now *block) {
	var was, is []claim
	if old != nil {
		was = old.claims
	}
	if now != nil {
		is = now.claims
	}
	for len(was) > 0 || len(is) > 0 {
		order := 0
		switch {
		case len(was) == 0:
			order = 1
		case len(is) == 0:
			order = -1
		default:
			order = was[0].addr.compare(is[0].addr)
		}
		switch {
		case order < 0:
			r.remove(e, was[0].addr)
			was = was[1:]
		case order > 0:
			r.add(e, is[0])
			is = is[1:]
		default:
			if !bytes.Equal(old.relative(was[0]), now.relative(is[0])) {
				r.remove(e, was[0].addr)
				r.add(e, is[0])
			}
			was, is = was[1:], is[1:]
		}
	}
}

func (r *reverse) add(e *entry, c claim) {
	g := r.group(c.addr.addr())
	if g == nil {
		return
	}
	octet := c.addr.lastOctet()
	i, _ := g.find(octet)
	g.claims = slices.Insert(g.claims, i, groupClaim{by: e, octet: octet, vip: c.length == 0})
	r.dirty[g.prefix] = g
}

func (r *reverse) remove(e *entry, a ip) {
	g := r.group(a.addr())
	if g == nil {
		return
	}
	octet := a.lastOctet()
	for i, _ := g.find(octet); i < len(g.claims) && g.claims[i].octet == octet; i++ {
		if g.claims[i].by == e {
			g.claims = slices.Delete(g.claims, i, i+1)
			break
		}
	}
	r.dirty[g.prefix] = g
}

// group returns the group that an address is in, nil if no zone holds it.
func (r *reverse) group(a netip.Addr) *group {
	all, bits := r.bits6, 120
	if a.Is4() {
		all, bits = r.bits4, 24
	}
	for _, n := range all {
		p, _ := a.Prefix(n)
		z := r.byCIDR[p]
		if z == nil {
			continue
		}
		p, _ = a.Prefix(max(bits, n))
		g := r.groups[p]
		if g == nil {
			g = &group{zone: z, prefix: p}
			r.groups[p] = g
		}
		return g
	}
	return nil
}

func (g *group) find(octet byte) (int, bool) {
	return slices.BinarySearchFunc(g.claims, octet, func(c groupClaim, octet byte) int { return cmp.Compare(c.octet, octet) })
}

// flush renders the groups that have changed.
func (r *reverse) flush() {
	for prefix, g := range r.dirty {
		key := prefix.Addr().AsSlice()
		g.zone.order.put(string(key), r.render(g))
		if len(g.claims) == 0 {
			delete(r.groups, prefix)
		}
	}
	clear(r.dirty)
}

// render returns the block of a group, nil if it is empty.
func (r *reverse) render(g *group) *block {
	if len(g.claims) == 0 {
		return nil
	}
	b := new(block)
	out := append(append(append(r.out[:0], "$ORIGIN "...), reverseName(g.prefix)...), '\n')
	for i := 0; i < len(g.claims); {
		first := g.claims[i]
		addr := g.address(first.octet)
		out = appendReverseLabels(out, addr, g.prefix.Bits())
		out = append(out, ' ')
		out = strconv.AppendUint(out, uint64(r.ttl), 10)
		out = append(out, " PTR "...)
		start, vip := len(out), first.vip
		out = r.appendTarget(out, first.by, addr)
		for i++; i < len(g.claims) && g.claims[i].octet == first.octet; i++ {
			other := g.claims[i]
			if vip && !other.vip {
				continue
			}
			end := len(out)
			out = r.appendTarget(out, other.by, addr)
			if other.vip && !vip || bytes.Compare(out[end:], out[start:end]) < 0 {
				out = append(out[:start], out[end:]...)
				vip = other.vip
			} else {
				out = out[:end]
			}
		}
		out = append(out, '\n')
		b.counts.PTR++
	}
	b.text, r.out = bytes.Clone(out), out
	return b
}

// appendTarget appends the name that the PTR of an address that is claimed by e
// points to.
func (r *reverse) appendTarget(dst []byte, e *entry, a netip.Addr) []byte {
	b := e.blocks[0]
	i, _ := slices.BinarySearchFunc(b.claims, ipOf(a), func(c claim, p ip) int { return c.addr.compare(p) })
	if rel := b.relative(b.claims[i]); len(rel) > 0 {
		dst = append(append(dst, rel...), '.')
	}
	dst = append(append(dst, e.Name...), '.')
	return append(append(dst, e.Namespace...), r.suffix...)
}

// address is the address of the group with this last octet.
func (g *group) address(octet byte) netip.Addr {
	a := g.prefix.Addr()
	if a.Is4() {
		b := a.As4()
		b[3] = octet
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	b[15] = octet
	return netip.AddrFrom16(b)
}
