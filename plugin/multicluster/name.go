package multicluster

import (
	"strings"

	"github.com/miekg/dns"
)

// text is a name in presentation form, as a string or while it is being made.
type text interface{ ~string | ~[]byte }

// branching says how the names of a zone are divided into branches: each name
// that is depth labels below the apex makes one, together with everything below
// it; each name above is a branch of its own. Names are absolute and canonical.
type branching struct {
	zone  string
	depth int
}

// branchingOf returns the division that follows the blocks which zonegen writes,
// so that a block is in one branch: a service with its ports and endpoints, or
// the addresses that differ in their last octet.
func branchingOf(zone string) branching {
	depth := 3 // service, namespace, svc
	switch labels := dns.CountLabel(zone); {
	case inZone(zone, "in-addr.arpa."):
		depth = max(0, 3+2-labels)
	case inZone(zone, "ip6.arpa."):
		depth = max(0, 30+2-labels)
	}
	return branching{zone: zone, depth: depth}
}

// cut returns where in a name of the zone the name of its branch begins.
func cut[T text](b branching, name T) int {
	end := len(name) - len(b.zone)
	if b.depth == 0 {
		return end
	}
	labels := 0
	for i := end - 2; i > 0; i-- {
		if name[i] == '.' && !escaped(name, i) {
			if labels++; labels == b.depth {
				return i + 1
			}
		}
	}
	return 0
}

// escaped reports whether the octet at i stands for itself (RFC 1035 section
// 5.1): an odd number of backslashes is before it.
func escaped[T text](name T, i int) bool {
	odd := false
	for i--; i >= 0 && name[i] == '\\'; i-- {
		odd = !odd
	}
	return odd
}

// isReverse reports whether a zone holds the names of addresses.
func isReverse(zone string) bool { return inZone(zone, "in-addr.arpa.") || inZone(zone, "ip6.arpa.") }

// inZone reports whether a name is the zone's apex or below it.
func inZone(name, zone string) bool {
	rest, ok := strings.CutSuffix(name, zone)
	return ok && (rest == "" || rest[len(rest)-1] == '.' && !escaped(rest, len(rest)-1))
}

// parent returns the name without its first label.
func parent(name string) string {
	for i := range len(name) {
		if name[i] == '.' && !escaped(name, i) {
			return name[i+1:]
		}
	}
	return "."
}

// canonical returns a name as a query that was unpacked from the wire has it, in
// lower case. A zone file may escape in other ways, or not at all (RFC 1035 section
// 5.1).
func canonical(name string) string {
	if !isOrdinary(name) {
		wire := make([]byte, 256)
		if n, err := dns.PackDomainName(name, wire, 0, nil, false); err == nil {
			if unpacked, _, err := dns.UnpackDomainName(wire[:n], 0); err == nil {
				name = unpacked
			}
		}
	}
	return strings.ToLower(name)
}
