package check

import "github.com/miekg/dns"

// services judges the SRV records of one name (RFC 2782).
func (j *judge) services(o *owner, set []*Record) {
	first := set[0].RR.(*dns.SRV)
	// A weight is 100 divided by the (address, port) pairs that the name matches,
	// and there are no more records than pairs.
	most := uint16(max(1, 100/len(set))) // 1 to 100
	uneven := false
	for _, r := range set {
		srv := r.RR.(*dns.SRV)
		switch {
		case srv.Priority != 0:
			j.out.at(r, RuleSRVData, "priority %d: use 0", srv.Priority)
		case srv.Weight < 1 || srv.Weight > 100:
			j.out.at(r, RuleSRVData, "weight %d: use 1 to 100", srv.Weight)
		case srv.Port < 1:
			j.out.at(r, RuleSRVData, "port 0: use 1 to 65535")
		}
		if srv.Weight != first.Weight && !uneven {
			uneven = true
			j.out.at(r, RuleSRVWeight, "weight %d, but %d in the record before of this name: an RRset has one", srv.Weight, first.Weight)
		}
		j.mentioned(r, srv.Target)
		j.target(o, r, srv)
	}
	if !uneven && first.Weight > most && first.Weight <= 100 {
		j.out.at(set[0], RuleSRVWeight, "weight %d with %d records: use %d, which is 100 divided by the records, or less", first.Weight, len(set), most)
	}
}

// target judges where one SRV record points to.
func (j *judge) target(o *owner, r *Record, srv *dns.SRV) {
	if o.form != formService && o.form != formPort {
		return // there should be no SRV record at all
	}
	target, service := lower(srv.Target), serviceOf(o.name, o.form)
	if target != service && (!below(target, service) || j.x.formOf(target) != formEndpoint) {
		j.out.at(r, RuleSRVTarget, "the target %s is neither the service nor one of its endpoints: point to %s or to HOST.CLUSTER below it", srv.Target, service)
		return
	}
	if t := j.x.get(target); t == nil || !t.address {
		j.out.at(r, RuleSRVTarget, "the target %s has no address in the zone: add an A or AAAA record, or remove the SRV", srv.Target)
	}
}
