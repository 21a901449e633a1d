package multicluster

import (
	"errors"
	"slices"
	"strings"

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
	if s.file != nil {
		return s.file.Transfer(serial)
	}
	ch := make(chan []dns.RR)
	go func() {
		defer close(ch)
		soa := *s.soa
		if serial != 0 && (serial == s.serial() || newer(serial, s.serial())) {
			ch <- []dns.RR{&soa}
			return
		}
		if batches, ok := s.incremental(serial); ok {
			for batch := range batches {
				ch <- batch
			}
			return
		}
		ch <- append([]dns.RR{&soa}, query{snapshot: s, origin: s.zone}.nameservers(nil)...)
		s.walk(ch)
		end := *s.soa
		ch <- []dns.RR{&end}
	}()
	return ch, nil
}

// walk sends all records of the index.
func (s *snapshot) walk(ch chan<- []dns.RR) {
	const some = 500
	var batch []dns.RR
	for _, b := range s.index.sorted() {
		if batch = append(batch, recordsOf(b.parts)...); len(batch) >= some {
			ch <- batch
			batch = nil
		}
	}
	if len(batch) > 0 {
		ch <- batch
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
