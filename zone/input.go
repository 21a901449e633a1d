package zone

import (
	"fmt"
	"strconv"
	"strings"
)

// collectEndpoints gathers what is usable of the service's slices: the
// addresses of all ready endpoints, those with an endpoint name as sorted
// targets, and the ports.
func (r *renderer) collectEndpoints() {
	for i := range r.svc.Slices {
		s := &r.svc.Slices[i]
		r.slices = append(r.slices, sliceUse{portless: len(s.Ports) == 0})
		cluster, named := label(s.Cluster)
		if !named {
			r.drop(BadCluster, "endpointslice/"+s.Name+"/metadata.labels[multicluster.kubernetes.io/source-cluster]", s.Cluster,
				"its endpoints have no names of their own and no SRV records: the cluster must be one DNS label (1 to 63 letters, digits and inner hyphens)")
		}
		for j := range s.Endpoints {
			if s.Endpoints[j].Ready {
				r.endpoint(i, j, cluster, named)
			}
		}
		if r.svc.Type == ClusterSetIP || r.slices[i].addresses == 0 {
			continue // its ports are not asked for
		}
		before := len(r.ports)
		for j, p := range s.Ports {
			r.port(p, i, func() string { return fmt.Sprintf("endpointslice/%s/ports[%d]", s.Name, j) })
		}
		r.slices[i].ports = len(r.ports) - before
	}
	r.sortTargets()
}

// endpoint takes in one ready endpoint.
func (r *renderer) endpoint(slice, index int, cluster string, named bool) {
	s := &r.svc.Slices[slice]
	e := &s.Endpoints[index]
	host := ""
	if e.Hostname != "" {
		var ok bool
		if host, ok = label(e.Hostname); !ok {
			host = ""
			r.drop(BadHostname, fmt.Sprintf("endpointslice/%s/endpoints[%d].hostname", s.Name, index), e.Hostname,
				"the endpoint is named after its address: a hostname must be one DNS label (1 to 63 letters, digits and inner hyphens)")
		}
	}
	for i, text := range e.Addresses {
		a, ok := address(text)
		if !ok {
			r.drop(BadAddress, fmt.Sprintf("endpointslice/%s/endpoints[%d].addresses[%d]", s.Name, index, i), text, badAddress)
			continue
		}
		r.addrs = append(r.addrs, ipOf(a))
		if !named {
			continue
		}
		name := len(r.names)
		if host == "" {
			r.names = appendAddressLabel(r.names, a)
		} else {
			r.names = append(r.names, host...)
		}
		hostLength := len(r.names) - name
		r.names = append(append(r.names, '.'), cluster...)
		if r.wire+len(r.names)-name+1 > maxName {
			r.drop(NameTooLong, fmt.Sprintf("endpointslice/%s/endpoints[%d]", s.Name, index), string(r.names[name:]),
				"the endpoint has no name of its own and no SRV records: the name would have over 255 octets")
			r.names = r.names[:name]
			continue
		}
		r.slices[slice].addresses++
		//nolint:gosec // labels are at most 63 octets, and of names and slices there is far less than 4 GiB
		r.targets = append(r.targets, target{first: firstOctets(r.names[name : name+hostLength]), addr: ipOf(a), name: uint32(name), host: uint8(hostLength), cluster: uint8(len(cluster)), slice: int32(slice)})
	}
}

// port takes in a port, if it is usable. Where names the port in its object.
func (r *renderer) port(p Port, slice int, where func() string) {
	if p.Number < 1 || p.Number > 65535 {
		if slice < 0 || p.Number != NoNumber {
			r.drop(BadPort, where(), strconv.Itoa(int(p.Number)), "the port is left out: a port number is 1 to 65535")
			return
		}
	}
	protocol := ""
	switch {
	case p.Protocol == "", strings.EqualFold(p.Protocol, "TCP"):
		protocol = "_tcp"
	case strings.EqualFold(p.Protocol, "UDP"):
		protocol = "_udp"
	case strings.EqualFold(p.Protocol, "SCTP"):
		protocol = "_sctp"
	default:
		r.drop(BadProtocol, where()+".protocol", p.Protocol, "the port is left out: a protocol is TCP, UDP or SCTP")
		return
	}
	name := ""
	if p.Name != "" {
		var ok bool
		// The label is the name with an underscore before it (RFC 2782).
		if name, ok = label(p.Name); !ok || len(name)+1 > maxLabel {
			name = ""
			r.drop(BadPortName, where()+".name", p.Name, "the port has no _PORT._PROTO name: a port name is 1 to 62 letters, digits and inner hyphens")
		} else if r.wire+1+len(name)+1+len(protocol)+1 > maxName {
			name = ""
			r.drop(NameTooLong, where()+".name", p.Name, "the port has no _PORT._PROTO name: it would have over 255 octets")
		}
	}
	if name != "" {
		name = "_" + name
	}
	r.ports = append(r.ports, portOf{protocol: protocol, name: name, number: p.Number, slice: slice})
}

const badAddress = "the address is left out: it must be an IPv4 or IPv6 address of a host, without zone, neither unspecified nor multicast"

// drop notes input that is left out.
func (r *renderer) drop(reason Reason, field, value, message string) {
	r.problems = append(r.problems, newProblem(r.svc.Key, reason, field, value, message))
}
