package zone

import (
	"math/rand/v2"
	"testing"
)

// FuzzService puts arbitrary text into every field of two services and asserts
// that the zones parse and hold exactly the records of the model: no name, type
// or directive that was not asked for.
func FuzzService(f *testing.F) {
	add := func(text ...string) {
		all := append(text, make([]string, 10-len(text))...)
		for _, headless := range []bool{false, true} {
			f.Add(all[0], all[1], all[2], all[3], all[4], all[5], all[6], all[7], all[8], all[9], headless, int32(80))
		}
	}
	add("shop", "web", "10.0.0.1", "http", "TCP", "east", "web-0", "10.1.0.1", "web-1", "Headless")
	add("shop", "web", "::ffff:10.0.0.1", "dns", "udp", "EAST", "WEB-0", "fd00::", "web.1", "ClusterSetIP")
	for _, evil := range []string{
		"\n$INCLUDE /etc/passwd\n", "$GENERATE 1-65535 x$ A 10.0.0.1", "a ; comment", `"`, `\`, `\010`, "@", "*", "\x00", "é", "ｗｅｂ",
		"k\u212a", "a b", "(", ")", "_tcp", "-", "a-", "10.0.0.1\n@ A 10.6.6.6", "0123456789012345678901234567890123456789012345678901234567890123", ".", "",
	} {
		add(evil, evil, evil, evil, evil, evil, evil, evil, evil, evil)
		add("shop", "web", "10.0.0.1", evil, "TCP", evil, evil, "10.1.0.1", evil, evil)
		add("shop", "web", evil, "http", evil, "east", "web-0", evil, "", evil)
	}
	f.Fuzz(func(t *testing.T, namespace, name, ip, port, protocol, cluster, host, address, host2, kind string, headless bool, number int32) {
		ports := []Port{{port, protocol, number}, {port, "TCP", 80}, {"http", protocol, 81}}
		s := Service{Key: Key{namespace, name}, Type: ClusterSetIP, IPs: []string{ip, "10.0.0.9", address}, Ports: ports, Slices: []EndpointSlice{
			{Name: name, Cluster: cluster, Ports: ports, Endpoints: []Endpoint{{host, []string{address, ip}, true}, {host2, []string{"10.1.0.2"}, true}}},
			{Name: name, Cluster: "east", Ports: ports[:1], Endpoints: []Endpoint{{host, []string{"fd00::1"}, true}, {"", []string{address}, true}, {host2, []string{"10.1.0.3"}, false}}},
		}}
		if headless {
			s.Type = Headless
		}
		good := s
		good.Key = Key{"shop", "good"}
		odd := Service{Key: Key{namespace, "odd"}, Type: Type(kind), IPs: []string{"10.0.0.8"}}
		c := Changes{Services: []Service{s, good, odd}, Namespaces: []string{namespace, host}}
		if s.Key == good.Key || s.Key == odd.Key || odd.Key == good.Key {
			return // one key cannot be two services
		}
		set := mustSet(t, Options{TTL: 5})
		for _, p := range set.Apply(c) {
			for _, b := range []byte(p.Error()) {
				if b < ' ' || b > '~' {
					t.Errorf("a problem's message holds the byte %#x: %q", b, p.Error())
				}
			}
		}
		compareWithModel(t, set, c)
	})
}

// FuzzResume asserts that no text makes the reader of old zone files panic or
// changes the content.
func FuzzResume(f *testing.F) {
	s := mustSet(f, Options{TTL: 5})
	s.Apply(Changes{Services: []Service{randomService(rand.New(rand.NewPCG(1, 1)), Key{"shop", "web"})}})
	snap := s.Snapshots()[0]
	f.Add(snap.Append(nil, 1))
	f.Add([]byte("@ SOA a. b. 1 2 3 4 5"))
	f.Fuzz(func(t *testing.T, text []byte) {
		resumed, serial := snap.Resume(text)
		if !resumed.Equal(snap) {
			t.Errorf("%q changes the content", text)
		}
		resumed.Append(nil, serial)
	})
}
