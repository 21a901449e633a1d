package multicluster

import (
	"github.com/miekg/dns"
)

// memory is what the records of one answer are made in, to allocate it in few
// pieces. No two answers share any.
type memory struct {
	hint int // how many records are to be expected
	a    []addressA
	aaaa []addressAAAA
}

type addressA struct {
	dns.A
	octets [4]byte
}

type addressAAAA struct {
	dns.AAAA
	octets [16]byte
}

func (m *memory) newA() *addressA {
	if len(m.a) == 0 {
		m.a = make([]addressA, max(1, m.hint))
	}
	a := &m.a[0]
	m.a = m.a[1:]
	return a
}

func (m *memory) newAAAA() *addressAAAA {
	if len(m.aaaa) == 0 {
		m.aaaa = make([]addressAAAA, max(1, m.hint))
	}
	a := &m.aaaa[0]
	m.aaaa = m.aaaa[1:]
	return a
}

// decode appends the records of a run.
func (p *part) decode(to []dns.RR, r run, owner string, mem *memory) []dns.RR {
	header := dns.RR_Header{Name: owner, Rrtype: r.rrtype, Class: dns.ClassINET, Ttl: r.ttl}
	data := p.data[r.offset:]
	switch r.rrtype {
	case dns.TypeA:
		for i := range int(r.count) {
			a := mem.newA()
			copy(a.octets[:], data[4*i:])
			a.Hdr, a.A.A = header, a.octets[:]
			to = append(to, &a.A)
		}
	case dns.TypeAAAA:
		for i := range int(r.count) {
			a := mem.newAAAA()
			copy(a.octets[:], data[16*i:])
			a.Hdr, a.AAAA.AAAA = header, a.octets[:]
			to = append(to, &a.AAAA)
		}
	case dns.TypeSRV:
		srvs := make([]dns.SRV, r.count)
		for i := range srvs {
			d := data[srvSize*i:]
			srvs[i] = dns.SRV{
				Hdr: header, Priority: be16(d), Weight: be16(d[2:]), Port: be16(d[4:]), Target: p.name(be32(d[6:])),
			}
			to = append(to, &srvs[i])
		}
	case dns.TypePTR:
		ptrs := make([]dns.PTR, r.count)
		for i := range ptrs {
			ptrs[i] = dns.PTR{Hdr: header, Ptr: p.name(be32(data[4*i:]))}
			to = append(to, &ptrs[i])
		}
	default:
		for range r.count {
			n := int(be16(data))
			to = append(to, unpack(header, data[2:2+n]))
			data = data[2+n:]
		}
	}
	return to
}

// srvSize is the size of the packed data of an SRV record.
const srvSize = 10

// unpack makes a record of its data in wire format, which was packed by the same
// library.
func unpack(header dns.RR_Header, data string) dns.RR {
	header.Rdlength = uint16(len(data))
	rr, _, err := dns.UnpackRRWithHeader(header, []byte(data), 0)
	if err != nil {
		panic("multicluster: packed record: " + err.Error())
	}
	rr.Header().Rdlength = 0
	return rr
}

// appendType appends the records of one type of an entry, as long as a message may have
// room for them.
func (p *part) appendType(to []dns.RR, entry int, rrtype uint16, owner string, mem *memory) []dns.RR {
	for _, r := range p.runsOf(entry) {
		if r.rrtype == rrtype {
			to = p.decode(to, r.first(mostRecords-len(to)), owner, mem)
		}
	}
	return to
}

func be16(s string) uint16 { return uint16(s[0])<<8 | uint16(s[1]) }

func be32(s string) int {
	return int(s[0])<<24 | int(s[1])<<16 | int(s[2])<<8 | int(s[3])
}
