package multicluster

import (
	"iter"
	"maps"
	"slices"

	"github.com/miekg/dns"
)

// incremental returns what leads from the version of a serial to this one, as the
// records of an incremental transfer (RFC 1995 section 4), condensed to one
// difference. Ok is false if the journal does not reach back so far, or if the
// whole zone has fewer records.
func (s *snapshot) incremental(serial uint32) (batches iter.Seq[[]dns.RR], ok bool) {
	steps := s.past.since(serial)
	if steps == nil {
		return nil, false
	}
	d := &difference{step: steps.condensed(), now: s}
	d.branches = slices.SortedFunc(maps.Keys(d.was), order)
	most, changed := s.records, 0
	for gone, come := range d.records() {
		if changed += len(gone) + len(come); changed > most {
			return nil, false
		}
	}
	return d.batches, true
}

// difference is what leads from one version to another.
type difference struct {
	*step
	branches []string // those of the step, in canonical order
	now      *snapshot
}

// batches yields the records of the transfer in their order.
func (d *difference) batches(yield func([]dns.RR) bool) {
	first, before, after, last := *d.now.soa, *d.soa, *d.now.soa, *d.now.soa
	if !yield([]dns.RR{&first, &before}) {
		return
	}
	for gone := range d.records() {
		if len(gone) > 0 && !yield(gone) {
			return
		}
	}
	if !yield([]dns.RR{&after}) {
		return
	}
	for _, come := range d.records() {
		if len(come) > 0 && !yield(come) {
			return
		}
	}
	yield([]dns.RR{&last})
}

// records yields the records that are gone and those that have come, of the apex
// and of each branch.
func (d *difference) records() iter.Seq2[[]dns.RR, []dns.RR] {
	return func(yield func(gone, come []dns.RR) bool) {
		was := query{snapshot: &snapshot{apex: d.apex}, origin: d.now.zone}.nameservers(nil)
		is := query{snapshot: d.now, origin: d.now.zone}.nameservers(nil)
		if !yield(without(was, is), without(is, was)) {
			return
		}
		for _, branch := range d.branches {
			was, is := recordsOf(d.was[branch]), recordsOf(d.now.parts(branch))
			if !yield(without(was, is), without(is, was)) {
				return
			}
		}
	}
}

// parts are those of a branch.
func (s *snapshot) parts(branch string) []*part {
	if b := s.index.find(branch); b != nil {
		return b.parts
	}
	return nil
}

// recordsOf returns the records of a branch.
func recordsOf(parts []*part) (all []dns.RR) {
	for _, p := range parts {
		if p.headless {
			return nil
		}
	}
	for _, p := range parts {
		for e := range p.entries {
			for _, r := range p.runsOf(e) {
				all = p.decode(all, r, p.name(e), &memory{hint: int(r.count)})
			}
		}
	}
	return all
}

// without returns the records that others lack. The TTL is part of what is compared.
func without(records, others []dns.RR) []dns.RR {
	if len(records) == 0 {
		return nil
	}
	has := make(map[string]bool, len(others))
	buf := make([]byte, dns.MaxMsgSize)
	for _, rr := range others {
		has[wire(rr, buf)] = true
	}
	return slices.DeleteFunc(slices.Clone(records), func(rr dns.RR) bool { return has[wire(rr, buf)] })
}

// wire is a record as it is sent.
func wire(rr dns.RR, buf []byte) string {
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		panic("multicluster: packed record: " + err.Error())
	}
	return string(buf[:n])
}
