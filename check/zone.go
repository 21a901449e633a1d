package check

import "github.com/miekg/dns"

// Zone is a zone as it was read, and what [Judge] judges.
type Zone struct {
	// File is where it was read from, for findings that no record is to blame for.
	File string
	// Origin is the zone's name, absolute and in lower case; empty means the owner
	// of its SOA.
	Origin string
	// Records are in the order of the text.
	Records []Record
	// Unreadable is why reading ended before the end. The records are not judged
	// then: what seems to be missing may have come later.
	Unreadable *Finding
}

// Record is a record, and where it begins.
type Record struct {
	RR   dns.RR
	File string
	Line int // 0 where the zone has no lines
}
