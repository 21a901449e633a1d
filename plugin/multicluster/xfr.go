package multicluster

import (
	"errors"
	"iter"
	"slices"
	"strings"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"
)

var errNotLoaded = errors.New("the zone has not loaded yet")

// Transfer implements the transfer.Transferer interface. It sends one version of
// the zone, whatever is loaded meanwhile: services and addresses in canonical order,
// the records of each as the file has them. To who has this version already, or a later one,
// it sends the SOA only (RFC 1995 section 2); to who has one that the journal
// knows, the difference.
func (z *zones) Transfer(name string, serial uint32) (<-chan []dns.RR, error) {
	zone := z.match(name)
	if zone == nil || zone.name != name {
		return nil, transfer.ErrNotAuthoritative
	}
	s := zone.current.Load()
	if s == nil {
		return nil, errNotLoaded
	}
	kind, batches, err := s.transfer(serial)
	if err != nil {
		return nil, err
	}
	zone.series.transferred(kind)
	ch := make(chan []dns.RR)
	go func() {
		defer close(ch)
		send(ch, batches)
	}()
	return ch, nil
}

// Kinds of transfers, in the metrics.
const (
	nothingNew  = "none"
	incremental = "incremental"
	whole       = "whole"
)

// transfer returns what leads to this version from that of a serial, 0 if that is none.
func (s *snapshot) transfer(serial uint32) (kind string, batches iter.Seq[[]dns.RR], err error) {
	if serial != 0 && (serial == s.serial() || zone.SerialLess(s.serial(), serial)) {
		return nothingNew, func(yield func([]dns.RR) bool) { yield([]dns.RR{s.soaRecord()}) }, nil
	}
	if s.file != nil {
		ch, err := s.file.Transfer(0)
		return whole, all(ch), err
	}
	if batches, ok := s.incremental(serial); ok {
		return incremental, batches, nil
	}
	return whole, s.everything, nil
}

// soaRecord is a copy, for who sends it may change it.
func (s *snapshot) soaRecord() *dns.SOA {
	soa := *s.soa
	return &soa
}

// all yields what comes through a channel. It empties it in any case, so that the
// sender ends.
func all(ch <-chan []dns.RR) iter.Seq[[]dns.RR] {
	return func(yield func([]dns.RR) bool) {
		more := true
		for batch := range ch {
			more = more && yield(batch)
		}
	}
}

// everything yields the records of a whole transfer (RFC 5936 section 2.2).
func (s *snapshot) everything(yield func([]dns.RR) bool) {
	if !yield(append([]dns.RR{s.soaRecord()}, query{snapshot: s, origin: s.zone}.nameservers(nil)...)) {
		return
	}
	for batch := range s.walk {
		if !yield(batch) {
			return
		}
	}
	yield([]dns.RR{s.soaRecord()})
}

// walk yields all records of the index.
func (s *snapshot) walk(yield func([]dns.RR) bool) {
	const some = 500
	var batch []dns.RR
	for _, b := range s.index.sorted() {
		if batch = append(batch, recordsOf(b.parts)...); len(batch) >= some {
			if !yield(batch) {
				return
			}
			batch = nil
		}
	}
	if len(batch) > 0 {
		yield(batch)
	}
}

// sorted returns all branches in canonical order (RFC 4034 section 6.1).
func (x *index) sorted() []*branch {
	all := make([]*branch, 0, x.branches)
	for _, s := range x.shards {
		for i := range s.branches {
			all = append(all, &s.branches[i])
		}
	}
	slices.SortFunc(all, func(a, b *branch) int { return order(a.name, b.name) })
	return all
}

// order compares names by their labels, the last first.
func order(a, b string) int {
	i, j := len(a)-1, len(b)-1 // the dots at the end
	for i > 0 && j > 0 {
		k, l := before(a, i), before(b, j)
		if c := strings.Compare(a[k+1:i], b[l+1:j]); c != 0 {
			return c
		}
		i, j = k, l
	}
	return i - j
}

// before returns where the dot before the one at i is, -1 if there is none.
func before(name string, i int) int {
	for i--; i >= 0; i-- {
		if name[i] == '.' && !escaped(name, i) {
			return i
		}
	}
	return -1
}
