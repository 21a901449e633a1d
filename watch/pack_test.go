package watch

import (
	"reflect"
	"strings"
	"testing"
	"testing/quick"

	"github.com/clusterset-dns/zonegen/zone"
)

// Whatever is packed comes out as it was, but for empty lists, which may come
// out as nil or empty.
func TestPackRoundTrip(t *testing.T) {
	if err := quick.Check(func(in zone.Service) bool {
		in.Key, in.Slices = zone.Key{}, nil
		return reflect.DeepEqual(normal(packImport(in).unpack()), normal(in))
	}, nil); err != nil {
		t.Error(err)
	}
	if err := quick.Check(func(in zone.EndpointSlice) bool {
		out := packSlice(in).unpack()
		return reflect.DeepEqual(normalSlice(out), normalSlice(in))
	}, nil); err != nil {
		t.Error(err)
	}
}

func TestPackNumbersAndLongText(t *testing.T) {
	in := zone.EndpointSlice{
		Name:    strings.Repeat("n", 300),
		Cluster: strings.Repeat("c", 20000),
		Ports:   []zone.Port{{Number: zone.NoNumber}, {Name: "x", Protocol: "SCTP", Number: 65535}, {Number: 0}},
		Endpoints: []zone.Endpoint{
			{Addresses: []string{"10.0.0.1", "fd00::1"}, Hostname: "a", Ready: true},
			{Addresses: []string{}},
			{Addresses: []string{strings.Repeat("x", 128)}, Ready: true},
		},
	}
	if out := packSlice(in).unpack(); !reflect.DeepEqual(out, in) {
		t.Errorf("got  %+v\nwant %+v", out, in)
	}
}

func TestPackedImportIsNeverEmpty(t *testing.T) {
	if packImport(zone.Service{}) == "" {
		t.Error("a service without anything cannot be told from none")
	}
}

// Appending to the addresses of one endpoint must not reach into the next.
func TestUnpackedAddressesAreSeparate(t *testing.T) {
	e := unpackEndpoints(packEndpoints([]zone.Endpoint{{Addresses: []string{"a"}}, {Addresses: []string{"b"}}}))
	_ = append(e[0].Addresses, "x")
	if e[1].Addresses[0] != "b" {
		t.Error("endpoints share the room behind their addresses")
	}
}

func normal(s zone.Service) zone.Service {
	if len(s.IPs) == 0 {
		s.IPs = nil
	}
	if len(s.Ports) == 0 {
		s.Ports = nil
	}
	return s
}

func normalSlice(s zone.EndpointSlice) zone.EndpointSlice {
	if len(s.Ports) == 0 {
		s.Ports = nil
	}
	if len(s.Endpoints) == 0 {
		s.Endpoints = nil
	}
	for i := range s.Endpoints {
		if len(s.Endpoints[i].Addresses) == 0 {
			s.Endpoints[i].Addresses = nil
		}
	}
	return s
}
