package multicluster

import (
	"iter"
	"slices"

	"github.com/miekg/dns"
)

// messageSize is how many octets of records, uncompressed, CoreDNS' transfer plugin
// puts into one message, at most.
const messageSize = 63000

// unseenSOA is an SOA record that the transfer plugin does not see as such.
//
// It looks for a *dns.SOA at the head of what it is given. If it saw one, and a single
// record is left in the end, it takes that for the answer "nothing new": it sends it
// without AA, which each message of a transfer must have (RFC 5936 section 2.2.1),
// and its log says that nothing was transferred. That the closing SOA record does not
// fit into the message before is enough for that.
type unseenSOA struct{ *dns.SOA }

// send gives the records of a transfer to the transfer plugin. It sees the closing
// SOA record only, for its log, unless that will be alone in its message.
func send(ch chan<- []dns.RR, batches iter.Seq[[]dns.RR]) {
	var last []dns.RR
	size, sent := 0, false
	for batch := range batches {
		if last != nil {
			size, sent = filled(size, last), true
			ch <- unseen(last)
		}
		last = batch
	}
	if sent && len(last) == 1 && size+dns.Len(last[0]) > messageSize {
		last = unseen(last)
	}
	ch <- last
}

// filled returns the size of the message at hand when these records have gone into it
// or, where it was full, into others.
func filled(size int, records []dns.RR) int {
	for _, rr := range records {
		n := dns.Len(rr)
		if size+n > messageSize {
			size = 0
		}
		size += n
	}
	return size
}

// unseen returns the records with their SOA records hidden from the transfer plugin.
func unseen(records []dns.RR) []dns.RR {
	records = slices.Clone(records)
	for i, rr := range records {
		if soa, ok := rr.(*dns.SOA); ok {
			records[i] = unseenSOA{soa}
		}
	}
	return records
}
