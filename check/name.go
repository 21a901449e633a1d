package check

import (
	"net/netip"
	"strconv"
	"strings"
)

const (
	maxLabel = 63  // octets, RFC 1035 section 2.3.4
	maxName  = 255 // octets on the wire, RFC 1035 section 2.3.4
)

// isLabel reports whether s is one DNS label of letters, digits and inner hyphens
// (RFC 1123 section 2.1), in lower case.
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

// lower folds ASCII letters, as DNS compares names (RFC 4343).
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// wireLength is the length of an absolute name on the wire. An escape, \X or
// \DDD, is one octet (RFC 1035 section 5.1).
func wireLength(name string) int {
	n := len(name) + 1
	if name == "." {
		return 1
	}
	for i := 0; i < len(name); i++ {
		if name[i] != '\\' {
			continue
		}
		if i+3 < len(name) && isDigit(name[i+1]) && isDigit(name[i+2]) && isDigit(name[i+3]) {
			i, n = i+3, n-3
		} else {
			i, n = i+1, n-1
		}
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// inZone reports whether an absolute, lower-case name is the origin or below it.
func inZone(name, origin string) bool {
	return name == origin || origin == "." || below(name, origin)
}

// below reports whether an absolute, lower-case name is below another.
func below(name, parent string) bool {
	return len(name) > len(parent) && name[len(name)-len(parent)-1] == '.' && strings.HasSuffix(name, parent)
}

// originOf is the zone that a file's name says, empty if it does not. A signer
// appends ".signed".
func originOf(base string) string { return wholeOriginOf(strings.TrimSuffix(base, ".signed")) }

// wholeOriginOf is originOf if no signer has appended anything.
func wholeOriginOf(base string) string {
	zone, ok := strings.CutPrefix(base, "db.")
	if !ok {
		return ""
	}
	zone = lower(strings.TrimSuffix(zone, "."))
	for label := range strings.SplitSeq(zone, ".") {
		if !isLabel(label) {
			return ""
		}
	}
	return zone + "."
}

const (
	arpa4 = "in-addr.arpa."
	arpa6 = "ip6.arpa."
)

// ReverseAddress is the address that an absolute, lower-case name in a reverse zone
// is for (RFC 1035 section 3.5, RFC 3596 section 2.5).
func ReverseAddress(name string) (netip.Addr, bool) {
	if labels, ok := strings.CutSuffix(name, "."+arpa4); ok {
		var a [4]byte
		for i := len(a) - 1; i >= 0; i-- {
			label, rest, more := strings.Cut(labels, ".")
			n, err := strconv.ParseUint(label, 10, 8)
			if err != nil || more != (i > 0) || len(label) > 1 && label[0] == '0' {
				return netip.Addr{}, false
			}
			a[i], labels = byte(n), rest
		}
		return netip.AddrFrom4(a), true
	}
	labels, ok := strings.CutSuffix(name, "."+arpa6)
	if !ok || len(labels) != 2*32-1 {
		return netip.Addr{}, false
	}
	var a [16]byte
	for i := range 32 {
		c := labels[2*i]
		switch {
		case i < 31 && labels[2*i+1] != '.':
			return netip.Addr{}, false
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		default:
			return netip.Addr{}, false
		}
		a[15-i/2] |= c << (i % 2 * 4)
	}
	return netip.AddrFrom16(a), true
}
