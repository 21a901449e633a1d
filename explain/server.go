package explain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Server is what a name server says about a name.
type Server struct {
	// Address is HOST:PORT.
	Address string         `json:"address"`
	Answers []ServerAnswer `json:"answers"`
	// Agrees is whether all answers are those that the services make.
	Agrees bool `json:"agrees"`
}

// ServerAnswer is the answer for one type.
type ServerAnswer struct {
	Type string `json:"type"`
	// Verdict is NOERROR, NODATA, NXDOMAIN or another rcode's name, or REFERRAL where the
	// server only names others that may know.
	Verdict Verdict  `json:"verdict"`
	Records []Record `json:"records"`
	// Agrees is whether it is the answer that the services make, TTLs aside. A name in
	// none of the zones can have any.
	Agrees bool `json:"agrees"`
}

// serverPatience is how long a server may take for one answer.
const serverPatience = 5 * time.Second

// Ask asks a name server, HOST:PORT, about the name of an answer, and notes what it
// says.
func (a *Answer) Ask(ctx context.Context, address string) error {
	s := &Server{Address: address, Answers: []ServerAnswer{}, Agrees: true}
	for _, qtype := range a.types() {
		m, err := ask(ctx, address, a.Question, qtype)
		if err != nil {
			return fmt.Errorf("@%s does not answer for %s %s: %w; check address, port and firewall", address, a.Question, dns.Type(qtype), err)
		}
		answer := ServerAnswer{Type: dns.Type(qtype).String(), Verdict: Verdict(dns.RcodeToString[m.Rcode]), Records: []Record{}}
		for _, rr := range m.Answer {
			h := rr.Header()
			data := strings.TrimPrefix(rr.String(), h.String())
			if qtype != dns.TypeTXT {
				data = strings.ToLower(data)
			}
			answer.Records = append(answer.Records, Record{dns.CanonicalName(h.Name), h.Ttl, dns.Type(h.Rrtype).String(), data})
		}
		switch {
		case answer.Verdict != Answers || len(answer.Records) > 0:
		case isReferral(m):
			answer.Verdict = referral
		default:
			answer.Verdict = NoData
		}
		answer.Agrees = a.Verdict == Outside || a.expects(answer)
		s.Agrees = s.Agrees && answer.Agrees
		s.Answers = append(s.Answers, answer)
	}
	a.Server = s
	return nil
}

const referral Verdict = "REFERRAL"

// isReferral reports whether an answer without records has name servers but no SOA, which
// tells it from NODATA (RFC 2308 section 2.2).
func isReferral(m *dns.Msg) bool {
	has := func(rrtype uint16) bool {
		return slices.ContainsFunc(m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == rrtype })
	}
	return !m.Authoritative && has(dns.TypeNS) && !has(dns.TypeSOA)
}

// types are those to ask for.
func (a *Answer) types() []uint16 {
	var types []uint16
	switch {
	case dns.IsSubDomain("arpa.", a.Question):
		types = []uint16{dns.TypePTR}
	case strings.HasPrefix(a.Question, "_"):
		types = []uint16{dns.TypeSRV}
	default:
		types = []uint16{dns.TypeA, dns.TypeAAAA}
	}
	for _, r := range a.Records {
		if t := dns.StringToType[r.Type]; t != dns.TypeSOA && !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	return types
}

// expects reports whether an answer is that of the services.
func (a *Answer) expects(answer ServerAnswer) bool {
	want, got := dataOf(a.Records, answer.Type), dataOf(answer.Records, answer.Type)
	if !slices.Equal(want, got) || len(got) != len(answer.Records) {
		return false
	}
	if len(want) == 0 && a.Verdict == Answers {
		return answer.Verdict == NoData
	}
	return answer.Verdict == a.Verdict
}

// dataOf returns the data of the records of a type, sorted.
func dataOf(records []Record, rtype string) []string {
	var data []string
	for _, r := range records {
		if r.Type == rtype {
			data = append(data, r.Data)
		}
	}
	slices.Sort(data)
	return data
}

// ask asks by UDP, and by TCP if the answer does not fit.
func ask(ctx context.Context, address, name string, qtype uint16) (*dns.Msg, error) {
	query := new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, false)
	client := &dns.Client{Timeout: serverPatience}
	m, _, err := client.ExchangeContext(ctx, query, address)
	if err == nil && m.Truncated {
		client.Net = "tcp"
		m, _, err = client.ExchangeContext(ctx, query, address)
	}
	return m, err
}
