package check

import (
	"strings"

	"github.com/miekg/dns"
)

// form is what an owner name is for.
type form uint8

const (
	formNone form = iota // no form of the contract
	formApex
	formVersion  // dns-version.Z
	formServer   // a name server in the zone
	formMarker   // _zonegen below a name without records
	formService  // S.N.svc.Z
	formPort     // _PORT._PROTO.S.N.svc.Z
	formCluster  // CLUSTER.S.N.svc.Z: no form, but worth a message of its own
	formEndpoint // HOST.CLUSTER.S.N.svc.Z
	formAddress  // the reverse name of an address
)

// types are the types that a form may have, and formText is what it is called.
var forms = map[form]struct {
	text  string
	types []uint16
}{
	formApex:     {"the apex", []uint16{dns.TypeSOA, dns.TypeNS}},
	formVersion:  {"dns-version", []uint16{dns.TypeTXT}},
	formServer:   {"a name server", []uint16{dns.TypeA, dns.TypeAAAA}},
	formMarker:   {"a marker", []uint16{dns.TypeTXT}},
	formService:  {"a service", []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV}},
	formPort:     {"a port", []uint16{dns.TypeSRV}},
	formEndpoint: {"an endpoint", []uint16{dns.TypeA, dns.TypeAAAA}},
	formAddress:  {"an address", []uint16{dns.TypePTR}},
}

const (
	marker  = "_zonegen"
	version = "dns-version"
)

// formOf is the form of an absolute, lower-case name in the zone.
func (x *index) formOf(name string) form {
	if name == x.origin {
		return formApex
	}
	if x.reverse {
		if _, ok := ReverseAddress(name); ok {
			return formAddress
		}
		return formNone
	}
	rest := strings.TrimSuffix(name, "."+x.origin)
	if rest == version {
		return formVersion
	}
	rest, top := cutLast(rest)
	switch {
	case top == "pod" && rest == marker:
		return formMarker
	case top == "svc":
		return formBelowServices(rest)
	case top != "pod" && top != version && x.servers[name]:
		return formServer
	}
	return formNone
}

// formBelowServices is the form of a name below svc.Z, relative to that.
func formBelowServices(rest string) form {
	if rest == marker {
		return formMarker
	}
	rest, namespace := cutLast(rest)
	if !isLabel(namespace) {
		return formNone
	}
	if rest == marker {
		return formMarker
	}
	rest, service := cutLast(rest)
	if !isLabel(service) {
		return formNone
	}
	if rest == "" {
		return formService
	}
	if rest == marker {
		return formMarker
	}
	rest, parent := cutLast(rest)
	switch {
	case parent == "_tcp" || parent == "_udp" || parent == "_sctp":
		if strings.HasPrefix(rest, "_") && isLabel(rest[1:]) {
			return formPort
		}
	case isLabel(parent):
		if rest == "" {
			return formCluster
		}
		if isLabel(rest) {
			return formEndpoint
		}
	}
	return formNone
}

// cutLast cuts off the last label.
func cutLast(s string) (rest, label string) {
	if i := strings.LastIndexByte(s, '.'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return "", s
}

// serviceOf is the name of the service that a name of the form belongs to.
func serviceOf(name string, f form) string {
	if f == formPort || f == formEndpoint {
		_, name, _ = strings.Cut(name, ".")
		_, name, _ = strings.Cut(name, ".")
	}
	return name
}
