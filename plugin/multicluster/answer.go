package multicluster

import "github.com/miekg/dns"

// reply is a message and the memory of its question.
type reply struct {
	dns.Msg
	question [1]dns.Question
}

// newReply is [dns.Msg.SetReply] in one piece of memory.
func newReply(r *dns.Msg) *dns.Msg {
	m := new(reply)
	m.MsgHdr = dns.MsgHdr{
		Id: r.Id, Response: true, Opcode: r.Opcode, Authoritative: true,
		RecursionDesired: r.RecursionDesired, CheckingDisabled: r.CheckingDisabled,
	}
	m.question[0] = r.Question[0]
	m.Question = m.question[:]
	return &m.Msg
}

// mostRecords is one more than fit into a section of any message: each has at least
// two octets of name and ten of type, class, TTL and length. So an answer from a larger
// RRset is cut as any that is too long, and costs no more.
const mostRecords = dns.MaxMsgSize/12 + 1

// query is a question and who asks it.
type query struct {
	*snapshot
	owner  string // the name in the case of the question
	origin string // the zone's name in the case of the question
}

// answer answers a question for a name in the zone. All that is in the message is
// made for it, so that other plugins may change it.
func (s *snapshot) answer(r *dns.Msg, name, asked string, qtype uint16) *dns.Msg {
	q := query{snapshot: s, owner: asked, origin: asked[max(0, len(asked)-len(s.zone)):]}
	if len(asked) != len(name) { // escaped in another way: nobody who reads the wire sees that
		q.owner, q.origin = name, s.zone
	}
	m := newReply(r)
	if name == s.zone && qtype == dns.TypeSOA {
		soa := s.authority(q.origin)
		soa.Hdr.Ttl = s.soa.Hdr.Ttl
		m.Answer, m.Ns = []dns.RR{soa}, q.nameservers(nil)
		return m
	}
	if name == s.zone && qtype == dns.TypeNS && len(s.ns) > 0 {
		m.Answer = q.nameservers(nil)
		m.Extra = q.glue()
		return m
	}
	var room [2]place
	places, exists := s.lookup(name, room[:0])
	n := 0
	for _, p := range places {
		for _, r := range p.runsOf(p.entry) {
			if r.rrtype == qtype {
				n += int(r.count)
			}
		}
	}
	if n == 0 {
		if !exists {
			m.Rcode = dns.RcodeNameError
		}
		m.Ns = []dns.RR{s.authority(q.origin)}
		return m
	}
	n = min(n, mostRecords)
	all := make([]dns.RR, 0, n+len(s.ns))
	mem := memory{hint: n}
	for _, p := range places {
		for _, r := range p.runsOf(p.entry) {
			if r.rrtype == qtype {
				all = p.decode(all, r.first(n-len(all)), q.owner, &mem)
			}
		}
	}
	m.Answer = all[:len(all):len(all)]
	m.Ns = q.nameservers(all[len(all):])
	m.Extra = q.additional(places, m.Answer, qtype)
	return m
}

// authority returns the SOA record of a negative answer (RFC 2308 section 3).
func (s *snapshot) authority(origin string) *dns.SOA {
	soa := *s.soa
	soa.Hdr.Name, soa.Hdr.Ttl = origin, min(soa.Hdr.Ttl, soa.Minttl)
	return &soa
}

// nameservers appends the NS records of the zone.
func (q query) nameservers(to []dns.RR) []dns.RR {
	ns := make([]dns.NS, len(q.ns))
	for i, template := range q.ns {
		ns[i] = *template
		ns[i].Hdr.Name = q.origin
		to = append(to, &ns[i])
	}
	return to
}

// glue returns the addresses of the name servers that are in the zone.
func (q query) glue() []dns.RR {
	var extra []dns.RR
	for _, ns := range q.ns {
		if inZone(ns.Ns, q.zone) {
			extra = q.addresses(extra, ns.Ns, ns.Ns, new(memory))
		}
	}
	return extra
}

// addresses appends the A records and then the AAAA records of a name in the zone.
func (s *snapshot) addresses(to []dns.RR, name, owner string, mem *memory) []dns.RR {
	var room [2]place
	places, _ := s.lookup(name, room[:0])
	for _, rrtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		for _, p := range places {
			to = p.appendType(to, p.entry, rrtype, owner, mem)
		}
	}
	return to
}
