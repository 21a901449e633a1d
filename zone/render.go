package zone

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// renderer turns services into blocks of one forward zone. It keeps its buffers
// from one service to the next, so it must not be used concurrently.
type renderer struct {
	origin      string
	ttl         uint32
	noEndpoints bool

	svc      *Service
	problems []Problem
	wire     int // wire length of the service's own name
	out      []byte
	counts   Counts
	claims   []claim
	addrs    []netip.Addr // of the service name itself
	ports    []portOf
	numbers  []int32
	slices   []sliceUse
	targets  []target
	labels   []byte // the text of host labels that were made of addresses
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

// target is an address of a ready endpoint under its endpoint name.
type target struct {
	cluster, host string
	addr          netip.Addr
	slice         int
}

func (t target) sameName(o target) bool { return t.host == o.host && t.cluster == o.cluster }

func newRenderer(origin string, o Options) *renderer {
	ttl := strconv.FormatUint(uint64(o.TTL), 10)
	return &renderer{
		origin: origin, ttl: o.TTL, noEndpoints: o.NoEndpoints,
		types: [2]string{" " + ttl + " A ", " " + ttl + " AAAA "}, typeSRV: " " + ttl + " SRV 0 ",
	}
}

// render returns the block of a service, nil if it has no records, and what was
// dropped of it.
func (r *renderer) render(svc *Service) (*block, []Problem) {
	r.svc, r.problems, r.counts = svc, nil, Counts{}
	r.out, r.claims, r.labels = r.out[:0], r.claims[:0], r.labels[:0]
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
	r.endSet()
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
		r.addrs = append(r.addrs, a)
	}
	pairs := len(r.addrs)
	r.sortAddresses()
	for _, a := range r.addrs {
		if r.address("@", "", a) {
			r.claims = append(r.claims, claim{addr: a})
		}
	}
	r.ports = r.ports[:0]
	for i, p := range r.svc.Ports {
		r.port(p, -1, func() string { return fmt.Sprintf("spec.ports[%d]", i) })
	}
	if pairs > 0 {
		weight := weightOf(pairs * len(r.ports))
		for _, n := range r.distinctNumbers() {
			r.srv("@", "", weight, n, "@", "")
		}
	}
	digits := r.endpointNames(0, func(cluster string) bool { return cluster < "_" })
	if pairs > 0 {
		r.eachNamedPort(func(p portOf, same []portOf) {
			weight := weightOf(pairs * len(same))
			for i, q := range same {
				if i == 0 || q.number != same[i-1].number {
					r.srv(p.name, p.protocol, weight, q.number, "@", "")
				}
			}
		})
	}
	r.endpointNames(digits, func(string) bool { return true })
}

// headless renders a service whose endpoints are addressed directly (spec 2.4).
func (r *renderer) headless() {
	r.sortAddresses()
	for _, a := range r.addrs {
		r.address("@", "", a)
	}
	r.bareServices()
	// RFC 4034 section 6.1: names are sorted by their rightmost label first, and
	// an underscore sorts between digits and letters.
	digits := r.endpointNames(0, func(cluster string) bool { return cluster < "_" })
	r.eachNamedPort(r.namedServices)
	r.endpointNames(digits, func(string) bool { return true })
}

// endpointNames writes the address records of the endpoint names from index i
// on, as long as their cluster is wanted, and returns the index where it ended.
func (r *renderer) endpointNames(i int, wanted func(cluster string) bool) int {
	for ; i < len(r.targets) && wanted(r.targets[i].cluster); i++ {
		t := r.targets[i]
		if i > 0 && r.targets[i-1].sameName(t) && r.targets[i-1].addr == t.addr {
			continue
		}
		start := len(r.out)
		if r.address(t.host, t.cluster, t.addr) {
			r.claims = append(r.claims, claim{
				addr:  t.addr,
				start: uint32(start), length: uint32(len(t.host) + 1 + len(t.cluster)), //nolint:gosec // a block is far below 4 GiB
			})
		}
	}
	return i
}

func (r *renderer) sortAddresses() {
	slices.SortFunc(r.addrs, netip.Addr.Compare)
	r.addrs = slices.Compact(r.addrs)
}

// takeClaims returns a copy of the claims, one for each address: a ClusterSetIP
// before an endpoint, then the name that sorts first.
func (r *renderer) takeClaims() []claim {
	slices.SortFunc(r.claims, func(a, b claim) int {
		return cmp.Or(a.addr.Compare(b.addr), bytes.Compare(r.out[a.start:a.start+a.length], r.out[b.start:b.start+b.length]))
	})
	return slices.Clone(slices.CompactFunc(r.claims, func(a, b claim) bool { return a.addr == b.addr }))
}

// address writes one A or AAAA record, and reports whether there was room for it.
func (r *renderer) address(owner, parent string, a netip.Addr) bool {
	kind := "A"
	if a.Is6() {
		kind = "AAAA"
	}
	if !r.fits(owner, parent, kind, a.BitLen()/8) {
		return false
	}
	r.name(owner, parent)
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

// srv writes one SRV record, if there is room for it.
func (r *renderer) srv(owner, parent string, weight uint64, number int32, host, cluster string) {
	size := 6 + r.wire
	if cluster != "" {
		size += len(host) + 1 + len(cluster) + 1
	}
	if !r.fits(owner, parent, "SRV", size) {
		return
	}
	r.name(owner, parent)
	r.out = append(r.out, r.typeSRV...)
	r.out = append(strconv.AppendUint(r.out, weight, 10), ' ')
	r.out = append(strconv.AppendInt(r.out, int64(number), 10), ' ')
	r.name(host, cluster)
	r.out = append(r.out, '\n')
	r.counts.SRV++
}

// name writes a name of one or two labels.
func (r *renderer) name(child, parent string) {
	r.out = append(r.out, child...)
	if parent != "" {
		r.out = append(append(r.out, '.'), parent...)
	}
}
