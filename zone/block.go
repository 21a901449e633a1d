package zone

import (
	"bytes"
	"strconv"
	"strings"
)

// marker is the reserved label below a name that exists without data. A zone
// file can say that such a name exists only by a descendant. No label of the
// API begins with an underscore, and no port's protocol has this name.
const marker = "_zonegen"

// markerText is the text of a marker's TXT record.
const markerText = `"placeholder: the name above exists without records"`

// headlessMark is a comment after the $ORIGIN of a headless service's block. It
// tells our CoreDNS plugin, which can leave such services out, what no record
// tells if the service has no ports.
const headlessMark = " ; headless"

// block is the text of one service, of a marker, or of a group of reverse
// names: lines below an $ORIGIN of their own. Blocks are never changed, so that
// snapshots can share them.
type block struct {
	text   []byte
	counts Counts
	// claims are the addresses that could have a PTR to a name of this block,
	// sorted by address, one for each.
	claims []claim
}

// claim is an address whose PTR could point to a name of a block.
type claim struct {
	addr ip
	// The name's place in the block's text, relative to the block's origin. A
	// ClusterSetIP is claimed for the origin itself, and has length 0.
	start, length uint32
}

// relative is the claimed name relative to the block's origin, empty for the
// origin itself.
func (b *block) relative(c claim) []byte { return b.text[c.start : c.start+c.length] }

// same reports whether two blocks, each may be nil, say the same.
func (b *block) same(o *block) bool {
	if b == nil || o == nil {
		return b == o
	}
	return b == o || bytes.Equal(b.text, o.text)
}

// appendMarker writes the record that makes the name above it exist.
func appendMarker(dst []byte, parent string, ttl uint32) []byte {
	dst = append(dst, marker...)
	if parent != "" {
		dst = append(append(dst, '.'), parent...)
	}
	dst = append(dst, ' ')
	dst = strconv.AppendUint(dst, uint64(ttl), 10)
	return append(append(append(dst, " TXT "...), markerText...), '\n')
}

// markerBlock is the block of a name that holds nothing but a marker: svc.Z for
// the empty key, a namespace for the key of orderKey(namespace, "").
func markerBlock(key, origin string, ttl uint32) *block {
	name := "svc." + origin
	if namespace := strings.TrimSuffix(key, "\x00"); namespace != "" {
		name = namespace + "." + name
	}
	text := appendMarker([]byte("$ORIGIN "+name+"\n"), "", ttl)
	return &block{text: text, counts: Counts{TXT: 1}}
}
