package check

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// owner judges the records of one name.
func (j *judge) owner(o *owner) {
	j.records = j.x.recordsOf(o, j.records[:0])
	if !j.ownerName(o) {
		return
	}
	j.types(o)
	slices.SortStableFunc(j.records, func(a, b *Record) int {
		return int(a.RR.Header().Rrtype) - int(b.RR.Header().Rrtype)
	})
	for rest := j.records; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].RR.Header().Rrtype == rest[0].RR.Header().Rrtype {
			n++
		}
		j.rrset(o, rest[:n])
		rest = rest[n:]
	}
}

// ownerName judges an owner's name. It reports whether the rest can be judged.
func (j *judge) ownerName(o *owner) bool {
	first := j.records[0]
	for _, r := range j.records {
		if name := r.RR.Header().Name; name != o.name {
			j.out.at(r, RuleNameCase, "upper-case letters: write %s", o.name)
			break
		}
	}
	switch {
	case !inZone(o.name, j.x.origin):
		j.out.at(first, RuleOutOfZone, "the name is not in the zone %s: remove it, or mend the $ORIGIN above", j.x.origin)
		return false
	case wireLength(o.name) > maxName:
		j.out.at(first, RuleNameLength, "the name has %d octets, and no server loads the zone with more than %d: use shorter names", wireLength(o.name), maxName)
		return false
	case strings.HasPrefix(o.name, "*.") || strings.Contains(o.name, ".*."):
		j.out.at(first, RuleWildcard, "no wildcards: write the names one by one")
		return false
	}
	return true
}

// types judges whether the types of an owner go with its form.
func (j *judge) types(o *owner) {
	f := forms[o.form]
	named := false
	for _, r := range j.records {
		h := r.RR.Header()
		switch {
		case slices.Contains(f.types, h.Rrtype), h.Rrtype == dns.TypeSOA, o.form == formApex && j.apexType(h.Rrtype):
			// A second SOA has a finding of its own.
		case h.Rrtype == dns.TypeNS:
			j.out.at(r, RuleDelegation, "an NS record below the apex hands the name to another server: remove it")
		case h.Rrtype == dns.TypeCNAME, h.Rrtype == dns.TypeDNAME:
			j.out.at(r, RuleType, "no %s: write the addresses", dns.Type(h.Rrtype))
		case f.types != nil:
			j.out.at(r, RuleType, "%s has no %s records, only %s: remove it", f.text, dns.Type(h.Rrtype), typeNames(f.types))
		case !named:
			named = true
			j.out.at(r, RuleName, "%s", j.whyNoForm(o))
		}
	}
}

// apexType reports whether the apex may have a type because it is more than the
// apex: a name server, or the reverse name of a single address.
func (j *judge) apexType(t uint16) bool {
	switch t {
	case dns.TypeA, dns.TypeAAAA:
		return j.x.servers[j.x.origin]
	case dns.TypePTR:
		_, ok := ReverseAddress(j.x.origin)
		return ok
	}
	return false
}

func typeNames(types []uint16) string {
	var names []string
	for _, t := range types {
		names = append(names, dns.TypeToString[t])
	}
	return strings.Join(names, ", ")
}

// whyNoForm says what is wrong with a name that has no form of the contract.
func (j *judge) whyNoForm(o *owner) string {
	if o.form == formCluster {
		return "a cluster has no records of its own: give them the name of an endpoint, HOST.CLUSTER.SERVICE.NAMESPACE.svc"
	}
	if j.x.reverse {
		return "not the reverse name of one whole address in lower case without leading zeros: mend the name"
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSuffix(o.name, j.x.origin), "."), ".") {
		if plain := strings.TrimPrefix(label, "_"); !isLabel(plain) {
			return "\"" + label + "\" is no label of 1 to 63 letters, digits and inner hyphens: mend the name"
		}
	}
	switch rest := strings.TrimSuffix(o.name, "."+j.x.origin); {
	case rest == "pod" || strings.HasSuffix(rest, ".pod"):
		return "there are no names of pods, only the marker " + marker + ".pod: remove it"
	case rest == "svc" || strings.HasSuffix(rest, ".svc"):
		return "not the name of a service, of one of its ports (protocols _tcp, _udp, _sctp) or endpoints, nor of a marker: mend or remove it"
	}
	return "neither dns-version, nor a name server of the zone, nor below svc: mend or remove it"
}

// mentioned judges the names in a record's data.
func (j *judge) mentioned(r *Record, names ...string) {
	for _, name := range names {
		if lower(name) != name {
			j.out.at(r, RuleNameCase, "upper-case letters: write %s", lower(name))
		}
		if wireLength(name) > maxName {
			j.out.at(r, RuleNameLength, "the name in the record has %d octets, and no server loads the zone with more than %d: use shorter names", wireLength(name), maxName)
		}
	}
}
