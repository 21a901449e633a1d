package multicluster

import (
	"net/netip"
	"slices"
	"strings"
)

// With noendpoints, what is made of endpoints is left out when a zone is loaded:
//
//   - Headless services as a whole. zonegen marks their blocks; where there is no
//     mark, as in a file that another server wrote, a service is headless if it
//     has an SRV record with a target below its name, or no SRV record and no
//     address that is not also that of an endpoint.
//   - The endpoint names of other services: every name below a service whose
//     label right below it does not begin with an underscore.
//   - PTR records that point to endpoint names.
//
// The names above a headless service exist all the same.

// addresses are those of a service, gathered to tell whether it is headless.
type addresses struct {
	bare      []netip.Addr // of the service's own name
	endpoints []netip.Addr // of the endpoint names that are left out
	srv       bool         // there is an SRV record
}

func (a addresses) reset() addresses {
	return addresses{bare: a.bare[:0], endpoints: a.endpoints[:0]}
}

// isService reports whether a branch of a forward zone is that of a service.
func isService(branch, zone string) bool {
	above, ok := strings.CutSuffix(branch, ".svc."+zone)
	if !ok {
		return false
	}
	_, rest, ok := strings.Cut(above, ".")
	return ok && !strings.Contains(rest, ".")
}

// leftOut reports whether noendpoints leaves out a name of a service's branch.
func (b *builder) leftOut(name []byte) bool {
	end := len(name) - len(b.branch) - 1
	if end < 0 {
		return false
	}
	for i := end - 1; i >= 0; i-- {
		if name[i] == '.' && !escaped(name, i) {
			return name[i+1] != '_'
		}
	}
	return name[0] != '_'
}

// seeTarget notes the target of an SRV record of a service.
func (b *builder) seeTarget(target []byte) {
	b.filter.srv = true
	if !b.marked && len(target) > len(b.branch) && inZone(canonical(string(target)), b.branch) {
		b.headless = true
	}
}

// hidden reports whether the branch is that of a headless service that is to be
// left out.
func (b *builder) hidden() bool {
	if b.headless || b.marked || !b.service || b.filter.srv || len(b.filter.bare) == 0 {
		return b.headless
	}
	slices.SortFunc(b.filter.endpoints, netip.Addr.Compare)
	for _, a := range b.filter.bare {
		if _, ok := slices.BinarySearchFunc(b.filter.endpoints, a, netip.Addr.Compare); !ok {
			return false
		}
	}
	return true
}

// isEndpoint reports whether a name to which an address points back is that of
// an endpoint: HOST.CLUSTER.SERVICE.NAMESPACE.svc and then a zone. If none of the
// zones that are known holds it, the label svc tells.
func isEndpoint(target string, zones []string) bool {
	target = canonical(target)
	for _, z := range zones {
		if rest, ok := strings.CutSuffix(target, ".svc."+z); ok {
			return strings.Count(rest, ".") >= 2
		}
	}
	labels := strings.SplitN(target, ".", 6)
	return len(labels) == 6 && labels[4] == "svc"
}
