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
	byCIDR map[cidr]*reverseZone
	bits4  []int // the lengths of the zones' prefixes, longest first
	bits6  []int
	groups map[ip]*group // by the first address
	dirty  []*group
	kind   string // " TTL PTR "
	// suffix is what stands between a service's name and the end of the name
	// that a PTR points to.
	suffix string
	out    []byte // scratch, kept for the next change
}

// cidr is a netip.Prefix without its pointer; of an IPv4 prefix, bits has 96 more.
type cidr struct {
	first ip
	bits  int
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
	first  ip
	bits   int          // of its prefix
	claims []groupClaim // sorted by octet
	block  *block       // what was rendered of it last
	// Since then, these octets were touched.
	touched [4]uint64
	dirty   bool
}

func (g *group) isTouched(octet byte) bool { return g.touched[octet>>6]>>(octet&63)&1 == 1 }

type groupClaim struct {
	by    *entry
	octet byte // the last one of the address
	vip   bool // the address is a ClusterSetIP of the service
}

func newReverse(o Options) *reverse {
	r := &reverse{
		byCIDR: make(map[cidr]*reverseZone),
		groups: make(map[ip]*group),
		kind:   " " + strconv.FormatUint(uint64(o.TTL), 10) + " PTR ",
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
			bits := &r.bits6
			if part.Addr().Is4() {
				bits = &r.bits4
			}
			*bits = append(*bits, part.Bits())
			r.byCIDR[cidr{ipOf(part.Addr()), part.Bits() + 128 - part.Addr().BitLen()}] = z
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
	g := r.group(c.addr)
	if g == nil {
		return
	}
	octet := c.addr.lastOctet()
	i, _ := g.find(octet)
	g.claims = slices.Insert(g.claims, i, groupClaim{by: e, octet: octet, vip: c.length == 0})
	r.touch(g, octet)
}

func (r *reverse) remove(e *entry, a ip) {
	g := r.group(a)
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
	r.touch(g, octet)
}

func (r *reverse) touch(g *group, octet byte) {
	g.touched[octet>>6] |= 1 << (octet & 63)
	if !g.dirty {
		g.dirty = true
		r.dirty = append(r.dirty, g)
	}
}

// group returns the group that an address is in, nil if no zone holds it.
func (r *reverse) group(a ip) *group {
	all, before := r.bits6, 0
	if a.is4() {
		all, before = r.bits4, 96
	}
	for _, n := range all {
		z := r.byCIDR[cidr{a.mask(before + n), before + n}]
		if z == nil {
			continue
		}
		bits := max(120-before, n)
		first := a.mask(before + bits)
		g := r.groups[first]
		if g == nil {
			g = &group{zone: z, first: first, bits: bits}
			r.groups[first] = g
		}
		return g
	}
	return nil
}

func (g *group) find(octet byte) (int, bool) {
	return slices.BinarySearchFunc(g.claims, octet, func(c groupClaim, octet byte) int { return cmp.Compare(c.octet, octet) })
}

// flush renders the groups that have changed, in parallel where there are many.
func (r *reverse) flush() {
	slices.SortFunc(r.dirty, func(a, b *group) int { return a.first.compare(b.first) })
	inParallel(len(r.dirty), func(from, to int) {
		var out []byte
		if from == 0 {
			out = r.out
			defer func() { r.out = out }()
		}
		for _, g := range r.dirty[from:to] {
			out = r.render(g, out[:0])
		}
	})
	for _, g := range r.dirty {
		g.touched, g.dirty = [4]uint64{}, false
		g.zone.order.put(string(g.first.addr().AsSlice()), g.block)
		if g.block == nil {
			delete(r.groups, g.first)
		}
	}
	r.dirty = nil // after the first state it is large
}

// render makes the block of a group, nil if it is empty. It writes it to out,
// which it returns.
//
// Lines that were not touched are those of the old block: to look up what they
// point to takes a look at each of the services that have these addresses.
func (r *reverse) render(g *group, out []byte) []byte {
	old := g.block
	g.block = nil
	if len(g.claims) == 0 {
		return out
	}
	b := new(block)
	out = append(append(append(out, "$ORIGIN "...), reverseName(netip.PrefixFrom(g.first.addr(), g.bits))...), '\n')
	var rest []byte
	if old != nil {
		rest = old.text[len(out):]
	}
	for i := 0; i < len(g.claims); {
		c, same := g.claims[i], i
		for i++; i < len(g.claims) && g.claims[i].octet == c.octet; i++ {
		}
		addr, line := g.first, len(out)
		addr.lo |= uint64(c.octet)
		out = appendReverseLabels(out, addr.addr(), g.bits)
		out = append(out, r.kind...)
		var known []byte
		if !g.isTouched(c.octet) {
			known, rest = cutLine(rest, out[line:])
		}
		if known != nil {
			out = append(out[:line], known...)
		} else {
			out = append(r.appendPTR(out, g.claims[same:i], addr), '\n')
		}
		b.counts.PTR++
	}
	b.text = bytes.Clone(out)
	g.block = b
	return out
}

// cutLine returns the line of text that begins so, nil if there is none, and what
// comes after it.
func cutLine(text, beginning []byte) (line, after []byte) {
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n') + 1
		line, text = text[:end], text[end:]
		if bytes.HasPrefix(line, beginning) {
			return line, text
		}
	}
	return nil, nil
}

// appendPTR appends the name that the PTR of an address points to, of all that claim
// it.
func (r *reverse) appendPTR(out []byte, claims []groupClaim, addr ip) []byte {
	start, vip := len(out), claims[0].vip
	out = r.appendTarget(out, claims[0].by, addr)
	for _, other := range claims[1:] {
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
	return out
}

// appendTarget appends the name that the PTR of an address that is claimed by e
// points to.
func (r *reverse) appendTarget(dst []byte, e *entry, a ip) []byte {
	b := e.blocks[0]
	i, _ := slices.BinarySearchFunc(b.claims, a, func(c claim, a ip) int { return c.addr.compare(a) })
	if rel := b.relative(b.claims[i]); len(rel) > 0 {
		dst = append(append(dst, rel...), '.')
	}
	dst = append(append(dst, e.Name...), '.')
	return append(append(dst, e.Namespace...), r.suffix...)
}
