package multicluster

import (
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	originDirective  = "$ORIGIN "
	includeDirective = "$INCLUDE "
	headlessMark     = "headless"
	changedMark      = "changed "
)

// parser reads blocks in the form that zonegen writes: a line "$ORIGIN NAME",
// then lines "OWNER TTL TYPE DATA" with single blanks, lower-case names without
// escapes, and owners at or below the origin. That is much less than RFC 1035
// section 5.1 allows, and takes a twentieth of the general parser's time.
type parser struct {
	*packer
	origin string
	name   []byte // of the record at hand
	target []byte // in its data
}

// block packs a block. Ok is false if the block is not in this form, or holds
// anything that is worth an error: then the general parser is to look at it.
func (p *parser) block(text string) (parts []*part, ok bool) {
	p.begin()
	line, rest, complete := strings.Cut(text, "\n")
	name, isOrigin := strings.CutPrefix(line, originDirective)
	if !isOrigin || !complete {
		return nil, false
	}
	name, comment, _ := strings.Cut(name, " ")
	if comment != "" && !strings.HasPrefix(comment, "; ") {
		return nil, false
	}
	p.origin = name
	if n := len(name); n < 2 || name[n-1] != '.' || !isName(name[:n-1], longest-1) || !inZone(name, p.zone) {
		return nil, false
	}
	if p.noEndpoints && comment == "; "+headlessMark && isService(name, p.zone) {
		p.branch([]byte(name)).headless = true
		return p.pack(), true
	}
	for rest != "" {
		if line, rest, complete = strings.Cut(rest, "\n"); !complete {
			return nil, false
		}
		if line != "" && line[0] != ';' && (!p.record(line) || !p.afford()) {
			return nil, false
		}
	}
	return p.pack(), true
}

// record takes in one line.
func (p *parser) record(line string) bool {
	owner, rest, _ := strings.Cut(line, " ")
	var ok bool
	if p.name, ok = p.absolute(p.name[:0], owner); !ok || strings.HasSuffix(owner, ".") {
		return false
	}
	digits, rest, _ := strings.Cut(rest, " ")
	ttl, ok := number(digits, 32)
	if !ok {
		return false
	}
	rrtype, data, _ := strings.Cut(rest, " ")
	switch rrtype {
	case "A", "AAAA":
		a, err := netip.ParseAddr(data)
		if err != nil || a.Zone() != "" || a.Is4() != (rrtype == "A") {
			return false
		}
		p.address(p.name, ttl, a)
		return true
	case "SRV":
		return p.srv(ttl, data)
	case "PTR":
		if p.target, ok = p.absolute(p.target[:0], data); ok {
			p.pointer(p.name, ttl, p.target)
		}
		return ok
	case "TXT":
		return p.txt(ttl, data)
	case "NS":
		if p.target, ok = p.absolute(p.target[:0], data); ok && string(p.name) == p.zone {
			p.apex.ns = append(p.apex.ns, &dns.NS{Hdr: p.header(dns.TypeNS, ttl), Ns: string(p.target)})
			return true
		}
	case "IN":
		if soa, isSOA := strings.CutPrefix(data, "SOA "); isSOA && string(p.name) == p.zone {
			return p.soa(ttl, soa)
		}
	}
	return false
}

func (p *parser) header(rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: p.zone, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

func (p *parser) srv(ttl uint32, data string) bool {
	var numbers [3]uint16
	for i := range numbers {
		digits, rest, _ := strings.Cut(data, " ")
		n, ok := number(digits, 16)
		if !ok {
			return false
		}
		numbers[i], data = uint16(n), rest
	}
	var ok bool
	if p.target, ok = p.absolute(p.target[:0], data); ok {
		p.service(p.name, ttl, numbers[0], numbers[1], numbers[2], p.target)
	}
	return ok
}

// txt takes in one quoted string in which nothing is escaped.
func (p *parser) txt(ttl uint32, data string) bool {
	if len(data) < 2 || len(data) > 2+255 || data[0] != '"' || data[len(data)-1] != '"' {
		return false
	}
	data = data[1 : len(data)-1]
	for i := range len(data) {
		if c := data[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	p.target = append(append(p.target[:0], byte(len(data))), data...)
	p.other(p.name, dns.TypeTXT, ttl, p.target)
	return true
}

// soa takes in the SOA record, and the comment behind it.
func (p *parser) soa(ttl uint32, data string) bool {
	data, comment, _ := strings.Cut(data, " ; ")
	fields := strings.Split(data, " ")
	if len(fields) != 7 {
		return false
	}
	soa := &dns.SOA{Hdr: p.header(dns.TypeSOA, ttl)}
	for i, name := range []*string{&soa.Ns, &soa.Mbox} {
		absolute, ok := p.absolute(nil, fields[i])
		if !ok {
			return false
		}
		*name = string(absolute)
	}
	for i, field := range []*uint32{&soa.Serial, &soa.Refresh, &soa.Retry, &soa.Expire, &soa.Minttl} {
		n, ok := number(fields[2+i], 32)
		if !ok {
			return false
		}
		*field = n
	}
	p.apex.soa, p.apex.changed = soa, changedIn(comment)
	return true
}

// changedIn returns the time in the comment behind the SOA, zero if there is none.
func changedIn(comment string) time.Time {
	text, ok := strings.CutPrefix(comment, changedMark)
	if !ok {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(text))
	if err != nil {
		return time.Time{}
	}
	return at
}
