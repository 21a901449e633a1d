package zone

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
)

// renderer turns services into blocks of one forward zone. It keeps its buffers
// from one service to the next, so it must not be used concurrently.
type renderer struct {
	origin      string
	ttl         uint32
	noEndpoints bool
	noClaims    bool // nobody wants to know which addresses could have a PTR

	svc      *Service
	problems []Problem
	wire     int // wire length of the service's own name
	out      []byte
	counts   Counts
	claims   []claim
	addrs    []ip // of the service name itself
	ports    []portOf
	numbers  []int32
	slices   []sliceUse
	targets  []target
	names    []byte // the text of the targets' names
	line     []byte // what the lines of an RRset begin with
	set      rrset
	types    [2]string // " TTL A " and " TTL AAAA "
	typeSRV  string    // " TTL SRV 0 ", with the priority
}

// portOf is a usable port of an EndpointSlice, or of the import.
type portOf struct {
	protocol string // with its underscore: _tcp
	name     string // in lower case with its underscore, empty for an unnamed port
	number   int32  // or NoNumber
	slice    int
}

// sliceUse is what becomes of one EndpointSlice.
type sliceUse struct {
	// addresses counts the addresses of ready endpoints that have an endpoint
	// name, duplicates included: the "address" part of SRV weights.
	addresses int
	ports     int  // usable ports
	portless  bool // the slice has no ports at all
	marked    bool // scratch
}

// target is an address of a ready endpoint under its endpoint name, HOST.CLUSTER.
// It has no pointers: sorting targets is a good part of rendering.
type target struct {
	first         [2]uint64 // the first octets of the host label, which tell most apart
	addr          ip
	name          uint32 // where the name begins in the renderer's names
	host, cluster uint8  // the lengths of its labels
	slice         int32
	group         int32 // the number of its name among the sorted targets
}

// text is the target's name.
func (r *renderer) text(t target) []byte {
	return r.names[t.name : int(t.name)+int(t.host)+1+int(t.cluster)]
}

// sortTargets sorts the targets as their names do in canonical order (RFC 4034
// section 6.1), and numbers the names.
func (r *renderer) sortTargets() {
	slices.SortFunc(r.targets, func(a, b target) int {
		if n := r.compareNames(a, b); n != 0 {
			return n
		}
		return cmp.Or(a.addr.compare(b.addr), cmp.Compare(a.slice, b.slice))
	})
	for i := 1; i < len(r.targets); i++ {
		t, before := &r.targets[i], r.targets[i-1]
		t.group = before.group
		if t.first != before.first || !bytes.Equal(r.text(*t), r.text(before)) {
			t.group++
		}
	}
}

func (r *renderer) compareNames(a, b target) int {
	x, y := r.text(a), r.text(b)
	if a.slice != b.slice { // else they are of the same cluster
		if n := bytes.Compare(x[a.host+1:], y[b.host+1:]); n != 0 {
			return n
		}
	}
	if a.first != b.first {
		return cmp.Or(cmp.Compare(a.first[0], b.first[0]), cmp.Compare(a.first[1], b.first[1]))
	}
	return bytes.Compare(x[:a.host], y[:b.host])
}

// firstOctets returns the first 16 octets of a label, to be compared as numbers.
func firstOctets(label []byte) [2]uint64 {
	var b [16]byte
	copy(b[:], label)
	return [2]uint64{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func newRenderer(origin string, o Options, noClaims bool) *renderer {
	ttl := strconv.FormatUint(uint64(o.TTL), 10)
	return &renderer{
		origin: origin, ttl: o.TTL, noEndpoints: o.NoEndpoints, noClaims: noClaims,
		types: [2]string{" " + ttl + " A ", " " + ttl + " AAAA "}, typeSRV: " " + ttl + " SRV 0 ",
	}
}

// render returns the block of a service, nil if it has no records, and what was
// dropped of it.
func (r *renderer) render(svc *Service) (*block, []Problem) {
	r.svc, r.problems, r.counts = svc, nil, Counts{}
	r.out, r.claims, r.names = r.out[:0], r.claims[:0], r.names[:0]
	r.addrs, r.ports, r.targets = r.addrs[:0], r.ports[:0], r.targets[:0]
	r.slices = r.slices[:0]
	defer func() { r.svc = nil }()

	if !isLabel(svc.Namespace) || !isLabel(svc.Name) {
		field, value := "metadata.name", svc.Name
		if !isLabel(svc.Namespace) {
			field, value = "metadata.namespace", svc.Namespace
		}
		r.drop(BadName, field, value, "the service is left out: the name is no DNS label (1 to 63 lower-case letters, digits and inner hyphens); rename it")
		return nil, r.problems
	}
	if svc.Type != ClusterSetIP && svc.Type != Headless {
		r.drop(BadType, "spec.type", string(svc.Type), "the service is left out: its type must be ClusterSetIP or Headless")
		return nil, r.problems
	}
	if svc.Type == Headless && r.noEndpoints {
		return nil, nil
	}

	name := svc.Name + "." + svc.Namespace + ".svc." + r.origin
	r.wire = wireLength(name)
	r.out = append(append(r.out, "$ORIGIN "...), name...)
	if svc.Type == Headless {
		r.out = append(r.out, headlessMark...)
	}
	r.out = append(r.out, '\n')
	origin := len(r.out)
	if !r.noEndpoints {
		r.collectEndpoints()
	}
	if svc.Type == ClusterSetIP {
		r.clusterSetIP()
	} else {
		r.headless()
	}
	r.end()
	if len(r.out) == origin {
		if svc.Type == Headless {
			return nil, r.problems
		}
		r.out = appendMarker(r.out, "", r.ttl)
		r.counts.TXT++
	}
	return &block{text: bytes.Clone(r.out), counts: r.counts, claims: r.takeClaims()}, r.problems
}

// clusterSetIP renders a service that has addresses of its own (spec 2.3).
func (r *renderer) clusterSetIP() {
	r.addrs = r.addrs[:0] // those of the endpoints are under their own names only
	for i, s := range r.svc.IPs {
		a, ok := address(s)
		if !ok {
			r.drop(BadAddress, fmt.Sprintf("spec.ips[%d]", i), s, badAddress)
			continue
		}
		r.addrs = append(r.addrs, ipOf(a))
	}
	pairs := len(r.addrs)
	r.ownAddresses(true)
	r.ports = r.ports[:0]
	for i, p := range r.svc.Ports {
		r.port(p, -1, func() string { return fmt.Sprintf("spec.ports[%d]", i) })
	}
	if pairs > 0 {
		weight := weightOf(pairs * len(r.ports))
		r.begin("SRV")
		for _, n := range r.distinctNumbers() {
			r.beginSRV("@", "", weight, n)
			srv(r, "@", 0)
		}
	}
	digits := r.endpointNames(0, beforeUnderscore)
	if pairs > 0 {
		r.eachNamedPort(func(p portOf, same []portOf) {
			weight := weightOf(pairs * len(same))
			r.begin("SRV")
			for i, q := range same {
				if i == 0 || q.number != same[i-1].number {
					r.beginSRV(p.name, p.protocol, weight, q.number)
					srv(r, "@", 0)
				}
			}
		})
	}
	r.endpointNames(digits, always)
}

// headless renders a service whose endpoints are addressed directly (spec 2.4).
func (r *renderer) headless() {
	r.ownAddresses(false)
	r.bareServices()
	digits := r.endpointNames(0, beforeUnderscore)
	r.eachNamedPort(r.namedServices)
	r.endpointNames(digits, always)
}

// RFC 4034 section 6.1: names are sorted by their rightmost label first, and an
// underscore, with which the names of ports begin, sorts between digits and letters.
func beforeUnderscore(cluster byte) bool { return cluster < '_' }

func always(byte) bool { return true }

// endpointNames writes the address records of the endpoint names from index i
// on, as long as the first letter of their cluster is wanted, and returns the index
// where it ended.
func (r *renderer) endpointNames(i int, wanted func(cluster byte) bool) int {
	for ; i < len(r.targets); i++ {
		t := r.targets[i]
		name := r.text(t)
		if !wanted(name[t.host+1]) {
			break
		}
		if i > 0 && r.targets[i-1].group == t.group {
			before := r.targets[i-1].addr
			if before == t.addr {
				continue
			}
			if before.is4() != t.addr.is4() {
				r.begin(t.addr.kind())
			}
		} else {
			r.begin(t.addr.kind())
		}
		if start := len(r.out); r.address(name, t.addr) {
			r.claim(t.addr, start, len(name))
		}
	}
	return i
}

// ownAddresses writes the address records of the service's own name, and claims
// them if they are ClusterSetIPs.
func (r *renderer) ownAddresses(claim bool) {
	slices.SortFunc(r.addrs, ip.compare)
	r.addrs = slices.Compact(r.addrs)
	for i, a := range r.addrs {
		if i == 0 || r.addrs[i-1].is4() != a.is4() {
			r.begin(a.kind())
		}
		if r.address([]byte("@"), a) && claim {
			r.claim(a, 0, 0)
		}
	}
}

// claim notes a name that a PTR can point to, by its place in the block.
func (r *renderer) claim(a ip, start, length int) {
	if !r.noClaims {
		r.claims = append(r.claims, claim{addr: a, start: uint32(start), length: uint32(length)}) //nolint:gosec // a block is far below 4 GiB
	}
}

// takeClaims returns a copy of the claims, one for each address: a ClusterSetIP
// before an endpoint, then the name that sorts first.
func (r *renderer) takeClaims() []claim {
	slices.SortFunc(r.claims, func(a, b claim) int {
		if n := a.addr.compare(b.addr); n != 0 {
			return n
		}
		return bytes.Compare(r.out[a.start:a.start+a.length], r.out[b.start:b.start+b.length])
	})
	return slices.Clone(slices.CompactFunc(r.claims, func(a, b claim) bool { return a.addr == b.addr }))
}

// address writes one A or AAAA record, and reports whether there was room for it.
func (r *renderer) address(owner []byte, p ip) bool {
	a := p.addr()
	if !r.fits(a.BitLen() / 8) {
		return false
	}
	r.out = append(r.out, owner...)
	if a.Is4() {
		r.out = append(r.out, r.types[0]...)
		r.counts.A++
	} else {
		r.out = append(r.out, r.types[1]...)
		r.counts.AAAA++
	}
	r.out = append(a.AppendTo(r.out), '\n')
	return true
}

// beginSRV sets what the SRV records of an RRset with this port begin with. Their
// owner is a name of one or two labels.
func (r *renderer) beginSRV(owner, parent string, weight uint64, number int32) {
	r.line = append(r.line[:0], owner...)
	if parent != "" {
		r.line = append(append(r.line, '.'), parent...)
	}
	r.line = append(r.line, r.typeSRV...)
	r.line = append(strconv.AppendUint(r.line, weight, 10), ' ')
	r.line = append(strconv.AppendInt(r.line, int64(number), 10), ' ')
}

// srv writes one SRV record, if there is room for it. Octets are those that the
// target has on the wire above the service's own name.
func srv[text string | []byte](r *renderer, target text, octets int) {
	if r.fits(6 + r.wire + octets) {
		r.out = append(append(append(r.out, r.line...), target...), '\n')
		r.counts.SRV++
	}
}
