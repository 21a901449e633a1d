package zone

import (
	"cmp"
	"encoding/binary"
	"net/netip"
)

// ip is an address, an IPv4 one as ::ffff:a.b.c.d. Unlike a netip.Addr it has no
// pointer: there is one for each endpoint, and the garbage collector need not look
// at what is sorted and kept of them.
type ip struct{ hi, lo uint64 }

func ipOf(a netip.Addr) ip {
	b := a.As16()
	return ip{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (p ip) is4() bool { return p.hi == 0 && p.lo>>32 == 0xffff }

// mask returns the address with all but its first bits cleared; of an IPv4 address,
// the first 96 are those of ::ffff:0:0.
func (p ip) mask(bits int) ip {
	if bits < 64 {
		return ip{hi: p.hi &^ (1<<(64-bits) - 1)}
	}
	return ip{p.hi, p.lo &^ (1<<(128-bits) - 1)}
}

// kind is the type of its records.
func (p ip) kind() string {
	if p.is4() {
		return "A"
	}
	return "AAAA"
}

func (p ip) lastOctet() byte { return byte(p.lo) }

func (p ip) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	return netip.AddrFrom16(b).Unmap()
}

// compare sorts as netip.Addr.Compare does: IPv4 first.
func (p ip) compare(q ip) int {
	if p.hi == q.hi && p.lo>>32 == q.lo>>32 {
		return cmp.Compare(p.lo, q.lo)
	}
	switch {
	case p.is4():
		return -1
	case q.is4():
		return 1
	}
	return cmp.Or(cmp.Compare(p.hi, q.hi), cmp.Compare(p.lo, q.lo))
}
