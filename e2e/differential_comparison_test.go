package e2e

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
)

// comparison is servers of ours and one of CoreDNS' in-memory implementation, which must give the same answers.
type comparison struct {
	*differential
	noendpoints bool
	oracle      *resolver
	ours        map[string]*resolver // by what serves the zone file
	zone        *contents            // that ours serve
}

// The on-purpose differences that have to do with more than a question's answer.
const (
	nsInAuthority = "NS records in the authority section"
	allOfTarget   = "all addresses of a target in the additional section"
	onlyAnswers   = "TC only where the answer itself does not fit"
)

// slicesOf returns the slices of a service that make records.
func (c *comparison) slicesOf(service types.NamespacedName) []*discoveryv1.EndpointSlice {
	if c.noendpoints {
		return nil
	}
	return c.state.slicesOf(service)
}

// compare asks all servers.
func (c *comparison) compare(query *dns.Msg) {
	c.t.Helper()
	q := newQuestion(query.Question[0].Name, query.Question[0].Qtype)
	var oracle *message
	if !c.silences(q) {
		oracle = newMessage(c.oracle.exchange(query))
		if wrong := header(query, oracle.Msg); wrong != "" {
			c.t.Errorf("%v\nin memory: %s: %v", query, wrong, oracle)
		}
	}
	for name, server := range c.ours {
		ours := newMessage(server.exchange(query))
		wrong := c.judge(q, query, oracle, ours)
		if wrong == "" && q.qtype == dns.TypeSRV && len(ours.Answer) > 0 && name != "file" { // which sets TC if anything does not fit
			wrong = c.judgeSmall(query, oracle, ours, server)
		}
		if wrong != "" {
			c.t.Errorf("%v\n%s\n\nin memory: %v\n%s: %v", query, wrong, oracle, name, ours)
		}
	}
}

// message is one with the texts of its sections.
type message struct {
	*dns.Msg
	answer, authority, additional []string
}

func newMessage(m *dns.Msg) *message {
	return &message{m, lower(m.Answer), lower(m.Ns), lower(m.Extra)}
}

// judge returns what is wrong with an answer of ours.
func (c *comparison) judge(q question, query *dns.Msg, oracle, ours *message) string {
	if wrong := header(query, ours.Msg); wrong != "" {
		return wrong
	}
	if wrong := c.judgeAnswer(q, oracle, ours); wrong != "" {
		return wrong
	}
	if wrong := c.judgeAuthority(q, oracle, ours); wrong != "" {
		return wrong
	}
	return c.judgeAdditional(oracle, ours)
}

// header returns what is wrong with the header of an answer that fits, its question and its EDNS.
func header(query, answer *dns.Msg) string {
	want := dns.MsgHdr{
		Id: query.Id, Response: true, Opcode: query.Opcode, Authoritative: true, Rcode: answer.Rcode,
		RecursionDesired: query.RecursionDesired, CheckingDisabled: query.CheckingDisabled,
	}
	if answer.MsgHdr != want {
		return fmt.Sprintf("the header is not %v", want)
	}
	if !slices.Equal(answer.Question, query.Question) {
		return "the question is another"
	}
	asked, got := query.IsEdns0(), answer.IsEdns0()
	if (asked == nil) != (got == nil) || asked != nil && asked.String() != got.String() {
		return fmt.Sprintf("EDNS is %v", got)
	}
	return ""
}

// judgeAnswer compares response code and answer section.
func (c *comparison) judgeAnswer(q question, oracle, ours *message) string {
	if oracle == nil {
		return noLabel.check(c, q, nil, ours.Msg)
	}
	if sameAnswer(oracle, ours) {
		return ""
	}
	for _, e := range excuses {
		if e.applies(c, q) {
			c.excuses[e.name]++
			if wrong := e.check(c, q, oracle.Msg, ours.Msg); wrong != "" {
				return fmt.Sprintf("the difference %q is not as it should be: %s", e.name, wrong)
			}
			return ""
		}
	}
	return "the answers differ"
}

func sameAnswer(a, b *message) bool {
	return a != nil && a.Rcode == b.Rcode && slices.Equal(a.answer, b.answer)
}

// judgeAuthority wants the SOA of the in-memory plugin in negative answers, and the zone's NS in others.
func (c *comparison) judgeAuthority(q question, oracle, ours *message) string {
	want := c.zone.soa
	if len(ours.Answer) > 0 {
		want = c.zone.ns
		if q.name == clusterset && q.qtype == dns.TypeNS {
			want = nil // they are the answer
		}
	}
	if !slices.Equal(ours.authority, want) {
		return fmt.Sprintf("the authority section is not %q", want)
	}
	if oracle == nil {
		return ""
	}
	want = c.zone.soa
	if len(oracle.Answer) > 0 {
		c.excuses[nsInAuthority]++
		want = nil
	}
	if !slices.Equal(oracle.authority, want) {
		return fmt.Sprintf("the in-memory plugin's authority section is not %q", want)
	}
	return ""
}

// judgeAdditional wants all addresses of the names in the answer. The in-memory plugin has those of the endpoints that
// make the records: not the others of the same name, whose slice has other ports.
func (c *comparison) judgeAdditional(oracle, ours *message) string {
	if want := c.zone.addresses(ours.Answer); !slices.Equal(ours.additional, want) {
		return fmt.Sprintf("the additional section is not %q", want)
	}
	if !sameAnswer(oracle, ours) {
		return ""
	}
	for _, line := range oracle.additional {
		if !slices.Contains(ours.additional, line) {
			return "the additional section lacks " + line
		}
	}
	if len(oracle.additional) < len(ours.additional) {
		c.excuses[allOfTarget]++
	}
	return ""
}

// judgeSmall asks once more, as one who has room for 512 octets. Only if the answer itself does not fit may TC be set
// (RFC 2181, section 9).
func (c *comparison) judgeSmall(query *dns.Msg, oracle, ours *message, server *resolver) string {
	query = query.Copy()
	query.Extra = nil
	small := newMessage(server.exchange(query))
	answer := dns.Msg{MsgHdr: ours.MsgHdr, Question: ours.Question, Answer: ours.Answer, Compress: true}
	fits := answer.Len() <= dns.MinMsgSize
	if small.Truncated == fits {
		return fmt.Sprintf("with room for 512 octets, TC is %v: %v", small.Truncated, small.Msg)
	}
	if fits && len(small.answer) < len(ours.answer) {
		return fmt.Sprintf("with room for 512 octets, part of the answer: %v", small.Msg)
	}
	for _, sections := range [][2][]string{
		{small.answer, ours.answer}, {small.authority, ours.authority}, {small.additional, ours.additional},
	} {
		for _, line := range sections[0] {
			if !slices.Contains(sections[1], line) {
				return "only with room for 512 octets, there is " + line
			}
		}
	}
	if sameAnswer(oracle, ours) {
		theirs := c.oracle.exchange(query)
		if theirs.Truncated && fits {
			c.excuses[onlyAnswers]++
		}
		if !theirs.Truncated && !fits {
			return "with room for 512 octets, only the in-memory plugin finds that the answer fits"
		}
	}
	small.Truncated = false // it has been looked at
	return header(query, small.Msg)
}
