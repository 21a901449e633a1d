package zone

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Defaults of [Options].
const (
	DefaultZone       = "clusterset.local."
	DefaultTTL        = 5       // seconds
	MaxTTL            = 3600    // seconds
	DefaultDNSVersion = "1.1.0" // what CoreDNS and the reference plugin answer
)

// DefaultAddress is the address of the name server where none is given. A zone
// must have one to load everywhere; which one does not matter to those who are
// told elsewhere where to ask.
var DefaultAddress = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// Options says which zones a [Set] makes, and how.
type Options struct {
	// Zones are the origins of the forward zones. PTR records point into the
	// first. None means [DefaultZone].
	Zones []string
	// ReverseCIDRs are split on octet (IPv4) and nibble (IPv6) borders into the
	// reverse zones. None means all of in-addr.arpa. and ip6.arpa.
	ReverseCIDRs []netip.Prefix
	// NoReverse leaves out all reverse zones.
	NoReverse bool
	// TTL of all records but the version's, 0 to [MaxTTL] seconds.
	TTL uint32
	// Nameservers are the zones' NS records. The first is the SOA's MNAME. None
	// means ns.dns.ZONE at [DefaultAddress].
	Nameservers []Nameserver
	// DNSVersion is the text at dns-version.ZONE; empty means [DefaultDNSVersion].
	DNSVersion string
	// NoEndpoints leaves out everything made of endpoints: headless services,
	// endpoint names, and their PTR records.
	NoEndpoints bool
}

// Nameserver is a name server of the zones.
type Nameserver struct {
	// Host is its name; empty means ns.dns.ZONE, in every zone its own.
	Host string
	// Addrs are its addresses, published where the host is inside a zone.
	Addrs []netip.Addr
}

// OptionError says which field of [Options] cannot be used, and why.
type OptionError struct {
	Option string // the name of the field
	Err    error
}

// Error names the option, its value and the fix.
func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e *OptionError) Unwrap() error { return e.Err }

// withDefaults returns the options normalised, or says which one is wrong.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	bad := func(option, format string, args ...any) {
		errs = append(errs, &OptionError{option, fmt.Errorf(format, args...)})
	}
	if len(o.Zones) == 0 {
		o.Zones = []string{DefaultZone}
	}
	if o.DNSVersion == "" {
		o.DNSVersion = DefaultDNSVersion
	}
	if len(o.Nameservers) == 0 {
		o.Nameservers = []Nameserver{{Addrs: []netip.Addr{DefaultAddress}}}
	}
	o.Zones = slices.Clone(o.Zones)
	for i, z := range o.Zones {
		origin, err := hostname(z)
		switch {
		case err != nil:
			bad("Zones", "%w", err)
		case len(origin)+1 > maxOrigin:
			bad("Zones", "%q: at most %d octets, so that services fit below it", z, maxOrigin)
		case inZone(origin, "arpa."):
			bad("Zones", "%q: reverse zones are made beside the forward ones; choose them by CIDR", z)
		case slices.Contains(o.Zones[:i], origin):
			bad("Zones", "%q: given twice", z)
		}
		for _, other := range o.Zones[:i] {
			if taken := firstTaken(origin, other) + firstTaken(other, origin); err == nil && taken != "" {
				bad("Zones", "%q: %s is for services, and cannot be a zone of its own", z, taken)
			}
		}
		if err == nil {
			o.Zones[i] = origin
		}
	}
	if o.TTL > MaxTTL {
		bad("TTL", "%d: 0 to %d seconds", o.TTL, MaxTTL)
	}
	if !isVersion(o.DNSVersion) {
		bad("DNSVersion", "%q: 1 to 64 letters, digits, dots, hyphens and plus signs", o.DNSVersion)
	}
	if o.NoReverse && len(o.ReverseCIDRs) > 0 {
		bad("NoReverse", "reverse zones are both chosen and left out: use one of the two")
	}
	for i, p := range o.ReverseCIDRs {
		if !p.IsValid() || p.Addr().Is4In6() {
			bad("ReverseCIDRs", "%q: not a prefix such as 10.0.0.0/8 or fd00::/8", p)
			continue
		}
		for _, q := range o.ReverseCIDRs[:i] {
			if p.Overlaps(q) {
				bad("ReverseCIDRs", "%s overlaps with %s: give the wider one only", p, q)
			}
		}
	}
	o.Nameservers = slices.Clone(o.Nameservers)
	for i, ns := range o.Nameservers {
		checked, err := ns.check(o.Zones)
		if err != nil {
			bad("Nameservers", "%w", err)
		}
		o.Nameservers[i] = checked
	}
	return o, errors.Join(errs...)
}

// check normalises a name server. One that is inside a zone needs an address,
// and must not stand where services do.
func (ns Nameserver) check(zones []string) (Nameserver, error) {
	name, inside := "ns.dns", true
	if ns.Host != "" {
		host, err := hostname(ns.Host)
		if err != nil {
			return ns, err
		}
		if last := host[strings.LastIndexByte(host[:len(host)-1], '.')+1:]; strings.Trim(last, "0123456789.") == "" {
			return ns, fmt.Errorf("%q: neither the name of a host nor an IP address", ns.Host)
		}
		if inZone(host, "arpa.") {
			return ns, fmt.Errorf("%q: a name server of reverse zones cannot be inside of one; use a name in another zone", ns.Host)
		}
		name, inside = host, false
		ns.Host = host
		for _, z := range zones {
			inside = inside || inZone(host, z)
			if taken := firstTaken(host, z); taken != "" {
				return ns, fmt.Errorf("%q: %s is for services; use another name", host, taken)
			}
		}
	}
	switch {
	case inside && len(ns.Addrs) == 0:
		return ns, fmt.Errorf("%q: it is inside the zone, so give its address", name)
	case !inside && len(ns.Addrs) > 0:
		return ns, fmt.Errorf("%q: it is outside of the zones, which cannot tell its address; leave the address out", name)
	}
	ns.Addrs = slices.Clone(ns.Addrs)
	for i, a := range ns.Addrs {
		a, ok := address(a.String())
		if !ok {
			return ns, fmt.Errorf("%q: %s is no address of a host", name, ns.Addrs[i])
		}
		ns.Addrs[i] = a
	}
	slices.SortFunc(ns.Addrs, netip.Addr.Compare)
	ns.Addrs = slices.Compact(ns.Addrs)
	return ns, nil
}

// firstTaken returns the name in a zone that a name is at or below although it is
// for services; empty if there is none.
func firstTaken(name, zone string) string {
	for _, taken := range []string{"svc.", "pod.", "dns-version."} {
		if inZone(name, taken+zone) {
			return taken + zone
		}
	}
	return ""
}

// host returns the name server's name as seen from a zone.
func (ns Nameserver) host(origin string) string {
	if ns.Host != "" {
		return ns.Host
	}
	return "ns.dns." + origin
}

func isVersion(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+") == ""
}
