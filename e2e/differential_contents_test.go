package e2e

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// contents are the records of the zone by owner and type, and the names that exist: the owners and all above them.
type contents struct {
	serial  uint32
	soa, ns []string // in the form of lower
	records map[string]map[uint16][]dns.RR
	exists  map[string]bool
}

func newContents() *contents {
	return &contents{records: make(map[string]map[uint16][]dns.RR), exists: make(map[string]bool)}
}

// readContents reads the zone's file.
func readContents(t testing.TB, file string) *contents {
	t.Helper()
	zone := newContents()
	for _, rr := range readZone(t, clusterset, file) {
		h := rr.Header()
		if soa, ok := rr.(*dns.SOA); ok {
			zone.serial = soa.Serial
		}
		if zone.records[h.Name] == nil {
			zone.records[h.Name] = make(map[uint16][]dns.RR)
		}
		zone.records[h.Name][h.Rrtype] = append(zone.records[h.Name][h.Rrtype], rr)
		zone.add(h.Name)
	}
	apex := zone.records[clusterset]
	zone.soa, zone.ns = lower(apex[dns.TypeSOA]), lower(apex[dns.TypeNS])
	return zone
}

// add makes a name exist, and those above it.
func (z *contents) add(name string) {
	for off, end := 0, false; !end && !z.exists[name[off:]] && dns.IsSubDomain(clusterset, name[off:]); off, end = dns.NextLabel(name, off) {
		z.exists[name[off:]] = true
	}
}

// withoutEndpoints is what noendpoints leaves: neither headless services nor the names of endpoints. What is above them
// exists all the same.
func (z *contents) withoutEndpoints(state *clusterState) *contents {
	left := newContents()
	left.serial, left.soa, left.ns = z.serial, z.soa, z.ns
	for owner, types := range z.records {
		q := newQuestion(owner, dns.TypeNone)
		below, service := q.below()
		object := state.imports[service]
		switch {
		case object != nil && object.Spec.Type == mcsv1beta1.Headless:
			left.add(service.Namespace + "." + svc)
		case len(below) == 2 && !q.port():
			left.add(service.Name + "." + service.Namespace + "." + svc)
		default:
			left.records[owner] = types
			left.add(owner)
		}
	}
	return left
}

// addresses are the A and AAAA records of the names that an answer points to, each name once, in the form of lower.
func (z *contents) addresses(answer []dns.RR) []string {
	var all []dns.RR
	seen := make(map[string]bool)
	for _, rr := range answer {
		target := ""
		switch rr := rr.(type) {
		case *dns.SRV:
			target = strings.ToLower(rr.Target)
		case *dns.NS:
			target = strings.ToLower(rr.Ns)
		}
		if target != "" && !seen[target] {
			seen[target] = true
			all = append(append(all, z.records[target][dns.TypeA]...), z.records[target][dns.TypeAAAA]...)
		}
	}
	return lower(all)
}

// lower is texts in lower case, without the serial of an SOA, which is not the same on two servers.
func lower(records []dns.RR) []string {
	plain := make([]dns.RR, 0, len(records))
	for _, rr := range records {
		if soa, ok := rr.(*dns.SOA); ok {
			rr = dns.Copy(soa)
			rr.(*dns.SOA).Serial = 0
		}
		if rr.Header().Rrtype != dns.TypeOPT {
			plain = append(plain, rr)
		}
	}
	lines := texts(plain)
	for i, line := range lines {
		lines[i] = strings.ToLower(line)
	}
	return lines
}
