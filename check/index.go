package check

import (
	"net/netip"

	"github.com/miekg/dns"
)

// signing are the types that a signer adds (RFC 4034, RFC 5155, RFC 7344). They are
// not judged, nor is DS.
var signing = map[uint16]bool{
	dns.TypeRRSIG: true, dns.TypeDNSKEY: true, dns.TypeNSEC: true, dns.TypeNSEC3: true,
	dns.TypeNSEC3PARAM: true, dns.TypeCDS: true, dns.TypeCDNSKEY: true,
}

// IsSigning reports whether records of a type are added by a signer. DS is not one of
// them: it comes from the child zone, and says which of its keys count.
func IsSigning(rrtype uint16) bool { return signing[rrtype] }

// index is a zone by owner name.
type index struct {
	*Zone
	origin  string
	reverse bool
	soa     *dns.SOA
	soaAt   *Record
	servers map[string]bool // the targets of the apex' NS records

	byName map[string]int32
	owners []owner
	// next is the next record of the same owner, none for the last one.
	next []int32
	// addresses are those of owners with many of them, made when first asked for.
	addresses map[*owner]map[netip.Addr]bool
}

// owner is a name that has records.
type owner struct {
	name        string // lower case
	first, last int32
	records     int32
	form        form
	address     bool // it has an address
}

const none = -1

// newIndex indexes the records that are judged. Those of another class than IN are
// reported and left out.
func newIndex(z *Zone, out *findings) *index {
	x := &index{
		Zone: z, servers: make(map[string]bool),
		byName: make(map[string]int32), next: make([]int32, len(z.Records)), addresses: make(map[*owner]map[netip.Addr]bool),
	}
	current := int32(none)
	for i := range z.Records {
		r := &z.Records[i]
		h := r.RR.Header()
		if signing[h.Rrtype] || h.Rrtype == dns.TypeDS {
			continue
		}
		if h.Class != dns.ClassINET {
			out.at(r, RuleClass, "class %s: write IN", dns.Class(h.Class))
			continue
		}
		if soa, ok := r.RR.(*dns.SOA); ok && x.soa == nil {
			x.soa, x.soaAt = soa, r
		}
		name := lower(h.Name)
		if current == none || x.owners[current].name != name {
			current = x.owner(name)
		}
		x.append(current, int32(i)) // maxText allows no more than 2^31 records
	}
	return x
}

// owner returns the index of an owner, made if it is not there.
func (x *index) owner(name string) int32 {
	at, ok := x.byName[name]
	if !ok {
		at = int32(len(x.owners)) // as many as records at most
		x.byName[name] = at
		x.owners = append(x.owners, owner{name: name, first: none, last: none})
	}
	return at
}

// append adds a record to an owner.
func (x *index) append(at, record int32) {
	o := &x.owners[at]
	if o.first == none {
		o.first = record
	} else {
		x.next[o.last] = record
	}
	x.next[record] = none
	o.last = record
	o.records++
	switch x.Records[record].RR.Header().Rrtype {
	case dns.TypeA, dns.TypeAAAA:
		o.address = true
	}
}

// settle fixes the origin, and with it the form of each owner.
func (x *index) settle(origin string) {
	x.origin = origin
	x.reverse = inZone(origin, arpa4) || inZone(origin, arpa6)
	for _, r := range x.recordsOf(x.get(origin), nil) {
		if ns, ok := r.RR.(*dns.NS); ok {
			x.servers[lower(ns.Ns)] = true
		}
	}
	for i := range x.owners {
		if o := &x.owners[i]; inZone(o.name, origin) {
			o.form = x.formOf(o.name)
		}
	}
}

// get returns the owner of that lower-case name, nil if it has no records.
func (x *index) get(name string) *owner {
	at, ok := x.byName[name]
	if !ok {
		return nil
	}
	return &x.owners[at]
}

// recordsOf appends the records of an owner, nil for none, in the order of the
// text.
func (x *index) recordsOf(o *owner, dst []*Record) []*Record {
	if o == nil {
		return dst
	}
	for i := o.first; i != none; i = x.next[i] {
		dst = append(dst, &x.Records[i])
	}
	return dst
}

// manyRecords is from when on the addresses of an owner are looked up in a map.
const manyRecords = 32

// hasAddress reports whether an owner has an address.
func (x *index) hasAddress(o *owner, a netip.Addr) bool {
	if o.records < manyRecords {
		for i := o.first; i != none; i = x.next[i] {
			if addressOf(x.Records[i].RR) == a {
				return true
			}
		}
		return false
	}
	set := x.addresses[o]
	if set == nil {
		set = make(map[netip.Addr]bool)
		for i := o.first; i != none; i = x.next[i] {
			set[addressOf(x.Records[i].RR)] = true
		}
		x.addresses[o] = set
	}
	return set[a]
}

// addressOf is the address in an A or AAAA record, the zero value if it has none.
func addressOf(rr dns.RR) netip.Addr {
	switch rr := rr.(type) {
	case *dns.A:
		if a, ok := netip.AddrFromSlice(rr.A); ok {
			return a.Unmap()
		}
	case *dns.AAAA:
		if a, ok := netip.AddrFromSlice(rr.AAAA); ok {
			return a
		}
	}
	return netip.Addr{}
}
