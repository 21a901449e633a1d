package main

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"github.com/clusterset-dns/zonegen/zone"
)

// zoneFlags choose the zones and their content.
type zoneFlags struct {
	zones       []string
	ttl         uint32
	nameservers []string
	cidrs       []string
	noReverse   bool
	noEndpoints bool
	dnsVersion  string
}

func (z *zoneFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&z.zones, "zone", []string{zone.DefaultZone}, "`zone` of the services; repeatable: PTR records point into the first")
	z.ttl = zone.DefaultTTL
	flags.Var(number(&z.ttl, 0, zone.MaxTTL), "ttl", "TTL of the records in `seconds`, 0 to 3600")
	flags.StringArrayVar(&z.nameservers, "nameserver", nil, "name server of the zones, `HOST[=IP,...]` or just IP,... for ns.dns.ZONE; repeatable; one inside a zone needs its IPs (default ns.dns.ZONE=127.0.0.1)")
	flags.StringArrayVar(&z.cidrs, "reverse-cidr", nil, "`prefix` to make reverse zones for; repeatable (default all of in-addr.arpa and ip6.arpa)")
	flags.BoolVar(&z.noReverse, "no-reverse", false, "make no reverse zones")
	flags.BoolVar(&z.noEndpoints, "no-endpoints", false, "leave out headless services and endpoint names")
	flags.StringVar(&z.dnsVersion, "dns-version", zone.DefaultDNSVersion, "`text` of the dns-version record")
}

// flagOf names the flag behind each field of zone.Options.
var flagOf = map[string]string{
	"Zones":        "--zone",
	"TTL":          "--ttl",
	"Nameservers":  "--nameserver",
	"ReverseCIDRs": "--reverse-cidr",
	"NoReverse":    "--no-reverse:", // its errors do not begin with a value
	"DNSVersion":   "--dns-version",
}

// set returns the set of zones that the flags describe.
func (z *zoneFlags) set() (*zone.Set, error) {
	o, errs := z.options()
	set, err := zone.NewSet(o)
	for _, e := range unjoin(err) {
		var option *zone.OptionError
		if errors.As(e, &option) {
			e = fmt.Errorf("%s %w", flagOf[option.Option], option.Err)
		}
		errs = append(errs, e)
	}
	return set, errors.Join(errs...)
}

// options returns the flags as options, and what is wrong with the texts of some.
func (z *zoneFlags) options() (zone.Options, []error) {
	o := zone.Options{Zones: z.zones, TTL: z.ttl, NoReverse: z.noReverse, NoEndpoints: z.noEndpoints, DNSVersion: z.dnsVersion}
	var errs []error
	for _, text := range z.nameservers {
		ns, err := parseNameserver(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--nameserver %w", err))
			continue
		}
		o.Nameservers = append(o.Nameservers, ns)
	}
	for _, text := range z.cidrs {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("--reverse-cidr %q: not a prefix such as 10.0.0.0/8 or fd00::/8", text))
			continue
		}
		o.ReverseCIDRs = append(o.ReverseCIDRs, prefix)
	}
	if z.dnsVersion == "" {
		errs = append(errs, errors.New("--dns-version: must not be empty"))
	}
	return o, errs
}

// parseNameserver reads HOST, HOST=IP,... or IP,...
func parseNameserver(text string) (zone.Nameserver, error) {
	host, ips, found := strings.Cut(text, "=")
	if !found {
		if _, err := netip.ParseAddr(strings.Split(text, ",")[0]); err == nil {
			host, ips = "", text
		}
	}
	if host == "" && ips == "" {
		return zone.Nameserver{}, fmt.Errorf("%q: write HOST, HOST=IP,... or IP,... as one value", text)
	}
	ns := zone.Nameserver{Host: host}
	if ips == "" {
		return ns, nil
	}
	for ip := range strings.SplitSeq(ips, ",") {
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			return ns, fmt.Errorf("%q: %q is no IP address; write HOST, HOST=IP,... or IP,... as one value", text, ip)
		}
		ns.Addrs = append(ns.Addrs, addr)
	}
	return ns, nil
}
