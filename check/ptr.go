package check

import "github.com/miekg/dns"

// pointers judges the PTR records of one name.
func (j *judge) pointers(o *owner, set []*Record) {
	if len(set) > 1 {
		j.out.at(set[1], RulePTRSingle, "%d PTR records: an address has one, that of a ClusterSetIP before that of an endpoint, then the name that sorts first", len(set))
	}
	address, ok := ReverseAddress(o.name)
	if !ok {
		return // there should be no PTR record at all
	}
	for _, r := range set {
		ptr := r.RR.(*dns.PTR)
		j.mentioned(r, ptr.Ptr)
		if !isHost(address) {
			j.out.at(r, RuleAddress, "%s is no address that a host can have (unspecified or multicast): remove it", address)
			continue
		}
		target := lower(ptr.Ptr)
		home := j.find(target)
		if home == nil {
			j.unchecked++
			continue
		}
		switch t, f := home.get(target), home.formOf(target); {
		case f != formService && f != formEndpoint:
			j.out.at(r, RulePTRTarget, "the target %s is neither a service nor an endpoint: point to one that has the address %s, or remove the PTR", ptr.Ptr, address)
		case t == nil || !t.address:
			j.out.at(r, RulePTRTarget, "the target %s has no address in %s: add it there, or remove the PTR", ptr.Ptr, home.File)
		case !home.hasAddress(t, address):
			j.out.at(r, RulePTRTarget, "the target %s does not have the address %s in %s: point to a name that has it, or remove the PTR", ptr.Ptr, address, home.File)
		}
	}
}
