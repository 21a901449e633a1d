package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/check"
)

// Change is an RRset that two zones do not share.
type Change struct {
	// Name is the owner, absolute and in lower case.
	Name string `json:"name"`
	// Type is the type's name, such as AAAA.
	Type string `json:"type"`
	// Removed are the records of the left zone only, Added those of the right one, in
	// canonical order of their text. A record with another TTL is another record.
	Removed []Record `json:"removed"`
	Added   []Record `json:"added"`
	// Kept is how many records the two RRsets share.
	Kept int `json:"kept"`
}

// Record is a record of an RRset.
type Record struct {
	TTL uint32 `json:"ttl"`
	// Data is the data in presentation format, names in lower case.
	Data string `json:"data"`
}

// Result is what came of comparing two zones.
type Result struct {
	// RRsets is how many there are in either zone.
	RRsets int
	// Changes are in canonical order of the names (RFC 4034 section 6.1), then by
	// type. None means that the zones say the same.
	Changes []Change
}

// Zones compares the records of two zones. With serial, the SOA's serial counts.
func Zones(left, right []dns.RR, serial bool) Result {
	l, r := index(left, serial), index(right, serial)
	var result Result
	result.RRsets = len(l)
	for k, was := range l {
		if c, differ := compare(k, was, r[k]); differ {
			result.Changes = append(result.Changes, c)
		}
	}
	for k, is := range r {
		if l[k] == nil {
			result.RRsets++
			c, _ := compare(k, nil, is)
			result.Changes = append(result.Changes, c)
		}
	}
	keys := make(map[string]string, len(result.Changes))
	for _, c := range result.Changes {
		keys[c.Name] = canonicalKey(c.Name)
	}
	slices.SortFunc(result.Changes, func(a, b Change) int {
		return cmp.Or(strings.Compare(keys[a.Name], keys[b.Name]), strings.Compare(a.Type, b.Type))
	})
	return result
}

// key names an RRset.
type key struct {
	name         string
	rtype, class uint16
}

// index returns the RRsets of a zone, each sorted and without duplicates.
func index(records []dns.RR, serial bool) map[key][]Record {
	sets := make(map[key][]Record, len(records))
	for _, rr := range records {
		if check.IsSigning(rr.Header().Rrtype) {
			continue
		}
		rr = transferred(rr)
		h := rr.Header()
		k := key{dns.CanonicalName(h.Name), h.Rrtype, h.Class}
		sets[k] = append(sets[k], Record{h.Ttl, data(rr, serial)})
	}
	for k, set := range sets {
		slices.SortFunc(set, compareRecords)
		sets[k] = slices.Compact(set)
	}
	return sets
}

// transferred returns a record as a transfer would give it: without the escapes, in
// names and data, that a file may have and need not (RFC 1035 section 5.1). A record
// that fits into no message stays what it is.
func transferred(rr dns.RR) dns.RR {
	wire := make([]byte, dns.Len(rr))
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return rr
	}
	same, _, err := dns.UnpackRR(wire[:end], 0)
	if err != nil {
		return rr
	}
	return same
}

func compareRecords(a, b Record) int {
	return cmp.Or(strings.Compare(a.Data, b.Data), cmp.Compare(a.TTL, b.TTL))
}

// compare merges two sorted RRsets.
func compare(k key, was, is []Record) (c Change, differ bool) {
	c = Change{Name: k.name, Type: dns.Type(k.rtype).String(), Removed: []Record{}, Added: []Record{}}
	if k.class != dns.ClassINET {
		c.Type = dns.Class(k.class).String() + " " + c.Type
	}
	for len(was) > 0 || len(is) > 0 {
		order := 0
		switch {
		case len(was) == 0:
			order = 1
		case len(is) == 0:
			order = -1
		default:
			order = compareRecords(was[0], is[0])
		}
		switch {
		case order < 0:
			c.Removed, was = append(c.Removed, was[0]), was[1:]
		case order > 0:
			c.Added, is = append(c.Added, is[0]), is[1:]
		default:
			c.Kept++
			was, is = was[1:], is[1:]
		}
	}
	return c, len(c.Removed)+len(c.Added) > 0
}

// named are the types whose data have domain names and no other text, which may be
// written in any case (RFC 4034 section 6.2, RFC 4343).
var named = map[uint16]bool{
	dns.TypeNS: true, dns.TypeCNAME: true, dns.TypeSOA: true, dns.TypePTR: true, dns.TypeMX: true,
	dns.TypeSRV: true, dns.TypeDNAME: true, dns.TypeAFSDB: true, dns.TypeRT: true, dns.TypeKX: true,
}

// data is the data of a record in presentation format.
func data(rr dns.RR, serial bool) string {
	if soa, ok := rr.(*dns.SOA); ok {
		number := "SERIAL"
		if serial {
			number = strconv.FormatUint(uint64(soa.Serial), 10)
		}
		fields := []string{dns.CanonicalName(soa.Ns), dns.CanonicalName(soa.Mbox), number}
		for _, n := range []uint32{soa.Refresh, soa.Retry, soa.Expire, soa.Minttl} {
			fields = append(fields, strconv.FormatUint(uint64(n), 10))
		}
		return strings.Join(fields, " ")
	}
	if unknown, ok := rr.(*dns.RFC3597); ok { // its String writes another header
		return fmt.Sprintf(`\# %d %s`, len(unknown.Rdata)/2, strings.ToLower(unknown.Rdata))
	}
	text := strings.TrimPrefix(rr.String(), rr.Header().String())
	if named[rr.Header().Rrtype] {
		text = dns.CanonicalName(text)
	}
	return text
}

// canonicalKey sorts as names do in canonical order (RFC 4034 section 6.1): by their
// labels from the right.
func canonicalKey(name string) string {
	labels := dns.SplitDomainName(name)
	slices.Reverse(labels)
	return strings.Join(labels, "\x00")
}
