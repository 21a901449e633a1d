package zone

import (
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// model is the record contract written down a second time, for comparison: as
// plainly as possible, with maps of records in presentation form instead of text
// in order. It returns the records of each zone.
type model struct {
	o     Options
	zones map[string]map[string]bool
	// ptrs are the claims to each address: "0 name" for a ClusterSetIP, "1 name"
	// for an endpoint, so that the first in order wins.
	ptrs map[netip.Addr][]string
}

var (
	labelRE = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	upper   = strings.NewReplacer(strings.Split("A a B b C c D d E e F f G g H h I i J j K k L l M m N n O o P p Q q R r S s T t U u V v W w X x Y y Z z", " ")...)
)

func modelOf(o Options, namespaces []string, services []Service) map[string][]string {
	m := &model{o: o, zones: make(map[string]map[string]bool), ptrs: make(map[netip.Addr][]string)}
	for i, z := range o.Zones {
		m.zones[z] = make(map[string]bool)
		m.apex(z, z)
		m.rr(z, 28800, "dns-version."+z, "TXT", `"`+o.DNSVersion+`"`)
		m.rr(z, o.TTL, "_zonegen.pod."+z, "TXT", markerText)
		for _, ns := range o.Nameservers {
			for _, a := range ns.Addrs {
				if ns.Host == "" {
					m.address(z, "ns.dns."+z, a)
				} else if dns.IsSubDomain(z, ns.Host) {
					m.address(z, ns.Host, a)
				}
			}
		}
		exist := make(map[string]bool)
		for _, n := range namespaces {
			if labelRE.MatchString(n) {
				exist[n] = true
			}
		}
		full := make(map[string]bool)
		for _, s := range services {
			before := len(m.zones[z])
			m.service(z, &s, i == 0)
			if len(m.zones[z]) > before {
				full[s.Namespace], exist[s.Namespace] = true, true
			}
		}
		for n := range exist {
			if !full[n] {
				m.rr(z, o.TTL, "_zonegen."+n+".svc."+z, "TXT", markerText)
			}
		}
		if len(exist) == 0 {
			m.rr(z, o.TTL, "_zonegen.svc."+z, "TXT", markerText)
		}
	}
	m.reverse()
	out := make(map[string][]string)
	for z, rrs := range m.zones {
		out[z] = slices.Sorted(maps.Keys(rrs))
	}
	return out
}

func (m *model) rr(zone string, ttl uint32, owner, kind, data string) {
	rr, err := dns.NewRR(fmt.Sprintf("%s %d IN %s %s", owner, ttl, kind, data))
	if err != nil {
		panic(err)
	}
	m.zones[zone][rr.String()] = true
}

func (m *model) address(zone, owner string, a netip.Addr) {
	if a.Is4() {
		m.rr(zone, m.o.TTL, owner, "A", a.String())
	} else {
		m.rr(zone, m.o.TTL, owner, "AAAA", a.String())
	}
}

// apex: home is the zone that the name servers are named after.
func (m *model) apex(zone, home string) {
	for i, ns := range m.o.Nameservers {
		host := ns.Host
		if host == "" {
			host = "ns.dns." + home
		}
		if i == 0 {
			m.rr(zone, m.o.TTL, zone, "SOA", fmt.Sprintf("%s hostmaster.%s 1 7200 1800 86400 %d", host, home, m.o.TTL))
		}
		m.rr(zone, m.o.TTL, zone, "NS", host)
	}
}

func modelLabel(s string) (string, bool) {
	s = upper.Replace(s)
	return s, labelRE.MatchString(s)
}

func modelAddress(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	a = a.Unmap()
	return a, err == nil && a.Zone() == "" && !a.IsMulticast() && !a.IsUnspecified()
}

// modelPort returns a port's protocol label, its name ("" for none) and whether
// it counts at all.
func (m *model) port(p Port, service string, slice bool) (proto, name string, ok bool) {
	proto = map[string]string{"": "_tcp", "tcp": "_tcp", "udp": "_udp", "sctp": "_sctp"}[upper.Replace(p.Protocol)]
	if proto == "" || p.Number > 65535 || p.Number < 1 && (!slice || p.Number != -1) {
		return "", "", false
	}
	name, valid := modelLabel(p.Name)
	if fits := len("_"+name+"."+proto+"."+service) < 255; !valid || !fits || len(name) > 62 {
		name = ""
	}
	return proto, name, true
}

func (m *model) weight(n int) int { return max(1, 100/max(1, n)) }

func (m *model) service(zone string, s *Service, first bool) {
	if !labelRE.MatchString(s.Name) || !labelRE.MatchString(s.Namespace) {
		return
	}
	name := s.Name + "." + s.Namespace + ".svc." + zone
	claim := func(kind string, a netip.Addr, target string) {
		if first {
			m.ptrs[a] = append(m.ptrs[a], kind+" "+target)
		}
	}
	type srv struct {
		owner, target string
		port          int32
	}
	var srvs []srv
	pairs := make(map[string]int) // of an SRV owner
	before := len(m.zones[zone])

	if s.Type == ClusterSetIP {
		for _, text := range s.IPs {
			a, ok := modelAddress(text)
			if !ok {
				continue
			}
			m.address(zone, name, a)
			claim("0", a, name)
			for _, p := range s.Ports {
				proto, port, ok := m.port(p, name, false)
				if !ok {
					continue
				}
				pairs[name]++
				srvs = append(srvs, srv{name, name, p.Number})
				if port != "" {
					owner := "_" + port + "." + proto + "." + name
					pairs[owner]++
					srvs = append(srvs, srv{owner, name, p.Number})
				}
			}
		}
	} else if s.Type != Headless || m.o.NoEndpoints {
		return
	}
	for _, slice := range s.Slices {
		if m.o.NoEndpoints {
			break
		}
		cluster, named := modelLabel(slice.Cluster)
		for _, e := range slice.Endpoints {
			for _, text := range e.Addresses {
				a, ok := modelAddress(text)
				if !ok || !e.Ready {
					continue
				}
				if s.Type == Headless {
					m.address(zone, name, a)
				}
				host, ok := modelLabel(e.Hostname)
				if !ok {
					host = strings.NewReplacer(".", "-", ":", "-").Replace(a.String())
					if strings.HasSuffix(host, "-") {
						host += "0"
					}
					if strings.HasPrefix(host, "-") {
						host = "0" + host
					}
				}
				target := host + "." + cluster + "." + name
				// On the wire, a name has one octet more than its text, and at most
				// 255. (dns.IsDomainName takes one too many.)
				if len(target) >= 255 || !named {
					continue
				}
				m.address(zone, target, a)
				claim("1", a, target)
				if s.Type == ClusterSetIP {
					continue
				}
				if len(slice.Ports) == 0 {
					pairs[name]++
				}
				for _, p := range slice.Ports {
					proto, port, ok := m.port(p, name, true)
					if !ok {
						continue
					}
					owners := []string{name}
					if port != "" {
						owners = append(owners, "_"+port+"."+proto+"."+name)
					}
					for _, owner := range owners {
						pairs[owner]++
						if p.Number != NoNumber {
							srvs = append(srvs, srv{owner, target, p.Number})
						}
					}
				}
			}
		}
	}
	for _, r := range srvs {
		m.rr(zone, m.o.TTL, r.owner, "SRV", fmt.Sprintf("0 %d %d %s", m.weight(pairs[r.owner]), r.port, r.target))
	}
	if s.Type == ClusterSetIP && len(m.zones[zone]) == before {
		m.rr(zone, m.o.TTL, "_zonegen."+name, "TXT", markerText)
	}
}

func (m *model) reverse() {
	if m.o.NoReverse {
		return
	}
	cidrs := m.o.ReverseCIDRs
	if len(cidrs) == 0 {
		cidrs = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	}
	for _, p := range cidrs {
		step, arpa := 8, "in-addr.arpa."
		if p.Addr().Is6() {
			step, arpa = 4, "ip6.arpa."
		}
		bits := (p.Bits() + step - 1) / step * step
		names := func(a netip.Addr) (zone, owner string) {
			owner, _ = dns.ReverseAddr(a.String())
			labels := dns.SplitDomainName(owner)
			return strings.Join(append(labels[(a.BitLen()-bits)/step:len(labels)-2], arpa), "."), owner
		}
		// Every zone of the prefix, whether anything is in it or not.
		a := p.Masked().Addr()
		for range 1 << (bits - p.Bits()) {
			zone, _ := names(a)
			if m.zones[zone] == nil {
				m.zones[zone] = make(map[string]bool)
				m.apex(zone, m.o.Zones[0])
			}
			next := new(big.Int).SetBytes(a.AsSlice())
			next.Add(next, new(big.Int).Lsh(big.NewInt(1), uint(a.BitLen()-bits)))
			b := make([]byte, a.BitLen()/8+1)
			a, _ = netip.AddrFromSlice(next.FillBytes(b)[1:])
		}
		for a, claims := range m.ptrs {
			if !p.Contains(a) {
				continue
			}
			zone, owner := names(a)
			m.rr(zone, m.o.TTL, owner, "PTR", slices.Min(claims)[2:])
		}
	}
}
