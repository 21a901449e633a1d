package watch

import (
	"encoding/binary"
	"unique"

	"github.com/clusterset-dns/zonegen/zone"
)

// Cached objects are kept packed, each part as one string: a slice of a hundred
// endpoints is one allocation of about two kilobytes instead of three hundred,
// holds no pointers for the garbage collector to follow, and is compared with
// ==. Unpacked text shares the memory of the packed string.
//
// A text is its length as a uvarint and its bytes; a list is its length as a
// uvarint and its elements.

// packed is a packed [zone.Service] without its slices. It is never empty for
// a service that has an import.
type packed string

func packImport(s zone.Service) packed {
	b := appendText(nil, string(s.Type))
	b = binary.AppendUvarint(b, uint64(len(s.IPs)))
	for _, ip := range s.IPs {
		b = appendText(b, ip)
	}
	return packed(appendPorts(b, s.Ports))
}

// unpack returns the service, but for its key and its slices.
func (p packed) unpack() zone.Service {
	r := reader(p)
	s := zone.Service{Type: zone.Type(r.text())}
	if n := r.uint(); n > 0 {
		s.IPs = make([]string, n)
		for i := range s.IPs {
			s.IPs[i] = r.text()
		}
	}
	s.Ports = r.ports()
	return s
}

// slice is a packed [zone.EndpointSlice]. Cluster names and port lists repeat
// in nearly every slice, so they are interned.
type slice struct {
	name      string
	cluster   unique.Handle[string]
	ports     unique.Handle[string]
	endpoints string

	// Of the store.
	service   *service // to which it belongs
	triggered int64    // see triggerOf
}

func packSlice(s zone.EndpointSlice) *slice {
	return &slice{
		name:      s.Name,
		cluster:   unique.Make(s.Cluster),
		ports:     unique.Make(string(appendPorts(nil, s.Ports))),
		endpoints: packEndpoints(s.Endpoints),
	}
}

func (s *slice) unpack() zone.EndpointSlice {
	ports := reader(s.ports.Value())
	return zone.EndpointSlice{
		Name:      s.name,
		Cluster:   s.cluster.Value(),
		Ports:     ports.ports(),
		Endpoints: unpackEndpoints(s.endpoints),
	}
}

// same reports whether two slices hold the same, whichever service they belong to.
func (s *slice) same(o *slice) bool {
	return s.name == o.name && s.cluster == o.cluster && s.ports == o.ports && s.endpoints == o.endpoints
}

func packEndpoints(endpoints []zone.Endpoint) string {
	addresses := 0
	for _, e := range endpoints {
		addresses += len(e.Addresses)
	}
	b := make([]byte, 0, 16*addresses+8)
	b = binary.AppendUvarint(b, uint64(len(endpoints)))
	b = binary.AppendUvarint(b, uint64(addresses))
	for _, e := range endpoints {
		ready := uint64(0)
		if e.Ready {
			ready = 1
		}
		b = binary.AppendUvarint(b, uint64(len(e.Addresses))<<1|ready)
		b = appendText(b, e.Hostname)
		for _, a := range e.Addresses {
			b = appendText(b, a)
		}
	}
	return string(b)
}

func unpackEndpoints(text string) []zone.Endpoint {
	r := reader(text)
	endpoints := make([]zone.Endpoint, r.uint())
	addresses := make([]string, 0, r.uint())
	for i := range endpoints {
		e := &endpoints[i]
		head := r.uint()
		e.Ready = head&1 == 1
		e.Hostname = r.text()
		from := len(addresses)
		for range head >> 1 {
			addresses = append(addresses, r.text())
		}
		e.Addresses = addresses[from:len(addresses):len(addresses)]
	}
	return endpoints
}

func appendPorts(b []byte, ports []zone.Port) []byte {
	b = binary.AppendUvarint(b, uint64(len(ports)))
	for _, p := range ports {
		b = appendText(b, p.Name)
		b = appendText(b, p.Protocol)
		b = binary.AppendUvarint(b, uint64(uint32(p.Number)))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// reader takes packed text apart, which was packed here and is therefore sound.
type reader string

func (r *reader) uint() uint64 {
	var n uint64
	for i := 0; ; i++ {
		b := (*r)[i]
		n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			*r = (*r)[i+1:]
			return n
		}
	}
}

func (r *reader) text() string {
	n := r.uint()
	s := (*r)[:n]
	*r = (*r)[n:]
	return string(s)
}

func (r *reader) ports() []zone.Port {
	n := r.uint()
	if n == 0 {
		return nil
	}
	ports := make([]zone.Port, n)
	for i := range ports {
		ports[i] = zone.Port{Name: r.text(), Protocol: r.text(), Number: int32(uint32(r.uint()))}
	}
	return ports
}
