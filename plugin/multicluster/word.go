package multicluster

import "strconv"

// longest is how many octets a name may have in text, without escapes and with
// the last dot: 255 on the wire (RFC 1035 section 2.3.4).
const longest = 254

// absolute appends the absolute name that a word stands for.
func (p *parser) absolute(to []byte, word string) ([]byte, bool) {
	if word == "@" {
		return append(to, p.origin...), true
	}
	if n := len(word); n > 1 && word[n-1] == '.' {
		return append(to, word...), isName(word[:n-1], longest-1)
	}
	if !isName(word, longest-1-len(p.origin)) {
		return to, false
	}
	return append(append(append(to, word...), '.'), p.origin...), true
}

// isName reports whether a word has at most so many octets and is labels of at most 63
// lower-case letters, digits, hyphens and underscores, without a dot at the end.
func isName(word string, most int) bool {
	if len(word) > most {
		return false
	}
	label := 0
	for i := range len(word) {
		switch c := word[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = 0
			continue
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
			label++
		default:
			return false
		}
		if label > 63 {
			return false
		}
	}
	return label > 0
}

// number reads a decimal number of at most so many bits.
func number(digits string, bits int) (uint32, bool) {
	n, err := strconv.ParseUint(digits, 10, bits)
	return uint32(n), err == nil
}
