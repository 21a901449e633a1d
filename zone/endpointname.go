package zone

import "net/netip"

// EndpointName returns the name, relative to that of its service, under which an
// address of an endpoint is published when the endpoint is ready: HOST.CLUSTER. It is
// false if there is none, because the cluster is no DNS label or the address none of
// a host.
func EndpointName(hostname, addr, cluster string) (name string, ok bool) {
	cluster, isLabel := label(cluster)
	a, isAddress := address(addr)
	if !isLabel || !isAddress {
		return "", false
	}
	host, isLabel := label(hostname)
	if !isLabel {
		host = string(appendAddressLabel(nil, a))
	}
	return host + "." + cluster, true
}

// ParseAddress returns the address that a text of the API is published as, an
// IPv4-mapped one as IPv4. It is false if it is not published.
func ParseAddress(text string) (netip.Addr, bool) { return address(text) }
