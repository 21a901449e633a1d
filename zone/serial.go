package zone

import "time"

// NextSerial returns the SOA serial of the next published version of a zone:
// max(last + 1, Unix seconds) in the serial number arithmetic of RFC 1982, and
// never 0, which CoreDNS' file plugin refuses to load.
//
// Last is the serial that was published last, 0 if there was none. The result
// is always greater than last in RFC 1982's sense, so secondaries follow; a
// clock that went back, or a last serial that was ahead of the clock, makes it
// last + 1.
func NextSerial(last uint32, now time.Time) uint32 {
	clock := uint32(now.Unix()) //nolint:gosec // RFC 1982 numbers wrap: the low 32 bits are meant
	next := last + 1
	if last == 0 || SerialLess(last, clock) {
		next = clock
	}
	if next == 0 {
		next = 1
	}
	return next
}

// SerialLess reports whether a < b by RFC 1982 section 3.2. Two serials that are
// exactly 2^31 apart are not comparable, and neither is less.
func SerialLess(a, b uint32) bool {
	distance := b - a
	return distance != 0 && distance < 1<<31
}
