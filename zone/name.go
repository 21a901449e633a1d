package zone

import (
	"fmt"
	"net/netip"
	"strings"
)

const (
	maxLabel = 63  // octets, RFC 1035 section 2.3.4
	maxName  = 255 // octets on the wire, RFC 1035 section 2.3.4
	// maxOrigin keeps room below a zone's origin for every namespace and
	// service: two labels of 63 octets with their lengths, and "svc".
	maxOrigin = maxName - 2*(maxLabel+1) - len("svc") - 1
)

// isLabel reports whether s is one DNS label of letters, digits and inner
// hyphens (RFC 1123 section 2.1), in lower case.
func isLabel(s string) bool {
	if len(s) == 0 || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// label lower-cases s and reports whether the result is a DNS label.
func label(s string) (string, bool) {
	if isLabel(s) {
		return s, true
	}
	if len(s) > maxLabel {
		return "", false
	}
	// Only ASCII is folded: strings.ToLower would make a "k" of a Kelvin sign.
	lower := []byte(s)
	for i, c := range lower {
		if 'A' <= c && c <= 'Z' {
			lower[i] = c + 'a' - 'A'
		}
	}
	s = string(lower)
	return s, isLabel(s)
}

// hostname returns s as an absolute, lower-case name of DNS labels.
func hostname(s string) (string, error) {
	trimmed := strings.TrimSuffix(s, ".")
	labels := strings.Split(trimmed, ".")
	for i, l := range labels {
		lower, ok := label(l)
		if !ok {
			return "", fmt.Errorf("%q: %q is no DNS label (1 to 63 letters, digits and inner hyphens)", s, l)
		}
		labels[i] = lower
	}
	name := strings.Join(labels, ".") + "."
	if wireLength(name) > maxName {
		return "", fmt.Errorf("%q: a name has at most %d octets", s, maxName)
	}
	return name, nil
}

// wireLength is the length on the wire of an absolute name without escapes.
func wireLength(name string) int { return len(name) + 1 }

// inZone reports whether an absolute, lower-case name is the origin or below it.
func inZone(name, origin string) bool {
	return name == origin || origin == "." || strings.HasSuffix(name, "."+origin)
}

// address parses an address that a host can have: no IPv6 zone, neither
// unspecified nor multicast, an IPv4-mapped one unmapped.
func address(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, false
	}
	a = a.Unmap()
	return a, !a.IsUnspecified() && !a.IsMulticast()
}

// appendAddressLabel appends the label that an endpoint without hostname is
// named by: its address with "-" for "." and ":". A label neither ends nor
// begins with a hyphen, so fd00:: gives fd00--0, and ::1 gives 0--1.
func appendAddressLabel(dst []byte, a netip.Addr) []byte {
	start := len(dst)
	dst = a.AppendTo(dst)
	if dst[start] == ':' {
		dst = append(dst[:start], '0')
		dst = a.AppendTo(dst)
	}
	for i := start; i < len(dst); i++ {
		if dst[i] == '.' || dst[i] == ':' {
			dst[i] = '-'
		}
	}
	if dst[len(dst)-1] == '-' {
		dst = append(dst, '0')
	}
	return dst
}
