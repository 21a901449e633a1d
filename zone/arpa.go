package zone

import (
	"net/netip"
	"strconv"
)

// splitOnBorder splits a prefix on the next octet (IPv4, RFC 1035 section 3.5)
// or nibble border (IPv6, RFC 3596 section 2.5).
func splitOnBorder(p netip.Prefix) []netip.Prefix {
	step := labelBits(p.Addr())
	bits := (p.Bits() + step - 1) / step * step
	parts := make([]netip.Prefix, 0, 1<<(bits-p.Bits()))
	for a := p.Addr(); p.Contains(a); {
		part := netip.PrefixFrom(a, bits)
		parts = append(parts, part)
		last := lastAddress(part)
		a = last.Next()
		if !a.IsValid() {
			break
		}
	}
	return parts
}

// lastAddress is the highest address of a prefix.
func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := range b {
		if free := (i+1)*8 - p.Bits(); free >= 8 {
			b[i] = 0xff
		} else if free > 0 {
			b[i] |= 1<<free - 1
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// labelBits is how many bits of an address one label of a reverse name holds.
func labelBits(a netip.Addr) int {
	if a.Is4() {
		return 8
	}
	return 4
}

// reverseName is the reverse zone of a prefix that ends on a border.
func reverseName(p netip.Prefix) string {
	name := appendReverseRange(nil, p.Addr(), 0, p.Bits())
	if len(name) > 0 {
		name = append(name, '.')
	}
	if p.Addr().Is4() {
		return string(append(name, "in-addr.arpa."...))
	}
	return string(append(name, "ip6.arpa."...))
}

// appendReverseLabels writes the labels of an address below its first bits, or
// "@" if there are none.
func appendReverseLabels(dst []byte, a netip.Addr, bits int) []byte {
	if bits == a.BitLen() {
		return append(dst, '@')
	}
	return appendReverseRange(dst, a, bits, a.BitLen())
}

// appendReverseRange writes the labels of the bits from..to, last label first.
func appendReverseRange(dst []byte, a netip.Addr, from, to int) []byte {
	b, step := a.As16(), labelBits(a)
	octets := b[16-a.BitLen()/8:]
	for at := to - step; at >= from; at -= step {
		value, base := uint64(octets[at/8]), 10
		if step == 4 {
			base = 16
			value = value >> (4 - at%8) & 0xf
		}
		if at != to-step {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, value, base)
	}
	return dst
}
