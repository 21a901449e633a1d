package e2e

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/miekg/dns"
	"sigs.k8s.io/yaml"
)

// digMessage is what is of interest in one message of `dig +yaml`.
type digMessage struct {
	Message struct {
		Response struct {
			ID                    uint16
			Opcode, Status, Flags string
			Options               *struct {
				EDNS struct {
					Flags string
					UDP   uint16
				}
			} `json:"OPT_PSEUDOSECTION"`
			Question   []string `json:"QUESTION_SECTION"`
			Answer     []string `json:"ANSWER_SECTION"`
			Authority  []string `json:"AUTHORITY_SECTION"`
			Additional []string `json:"ADDITIONAL_SECTION"`
		} `json:"response_message_data"`
	}
}

// comments are the lines that dig prints between its YAML, such as "; Transfer failed.".
var comments = regexp.MustCompile(`(?m)^;.*$`)

// parseDig reads the output of `dig +yaml` for one question. The messages of a zone transfer become one,
// with the sections joined and the rcode and flags of the last.
func parseDig(out []byte) (*dns.Msg, error) {
	var messages []digMessage
	if err := yaml.Unmarshal(comments.ReplaceAll(out, nil), &messages); err != nil {
		return nil, err
	}
	if len(messages) == 0 {
		return nil, errors.New("no answer")
	}
	answer := new(dns.Msg)
	for i := range messages {
		if err := messages[i].addTo(answer); err != nil {
			return nil, err
		}
	}
	return answer, nil
}

func (m *digMessage) addTo(answer *dns.Msg) error {
	response := &m.Message.Response
	rcode, ok := dns.StringToRcode[response.Status]
	if !ok {
		return fmt.Errorf("unknown status %q", response.Status)
	}
	opcode, ok := dns.StringToOpcode[response.Opcode]
	if !ok {
		return fmt.Errorf("unknown opcode %q", response.Opcode)
	}
	flag := flagsOf(response.Flags)
	answer.MsgHdr = dns.MsgHdr{
		Id: response.ID, Opcode: opcode, Rcode: rcode,
		Response: flag["qr"], Authoritative: flag["aa"], Truncated: flag["tc"], RecursionDesired: flag["rd"],
		RecursionAvailable: flag["ra"], AuthenticatedData: flag["ad"], CheckingDisabled: flag["cd"],
	}
	for _, line := range response.Question {
		question, err := parseQuestion(line)
		if err != nil {
			return err
		}
		answer.Question = append(answer.Question, question)
	}
	for _, section := range []struct {
		lines   []string
		records *[]dns.RR
	}{
		{response.Answer, &answer.Answer},
		{response.Authority, &answer.Ns},
		{response.Additional, &answer.Extra},
	} {
		for _, line := range section.lines {
			rr, err := dns.NewRR(line)
			if err != nil {
				return err
			}
			*section.records = append(*section.records, rr)
		}
	}
	if o := response.Options; o != nil && answer.IsEdns0() == nil {
		answer.SetEdns0(o.EDNS.UDP, flagsOf(o.EDNS.Flags)["do"])
	}
	return nil
}

func flagsOf(text string) map[string]bool {
	set := map[string]bool{}
	for _, flag := range strings.Fields(text) {
		set[flag] = true
	}
	return set
}

// parseQuestion reads a question as in "example.org. IN A".
func parseQuestion(line string) (dns.Question, error) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return dns.Question{}, fmt.Errorf("question %q has not three fields", line)
	}
	class, ok := dns.StringToClass[fields[1]]
	if !ok {
		return dns.Question{}, fmt.Errorf("unknown class in the question %q", line)
	}
	qtype, ok := dns.StringToType[fields[2]]
	if !ok {
		return dns.Question{}, fmt.Errorf("unknown type in the question %q", line)
	}
	return dns.Question{Name: fields[0], Qtype: qtype, Qclass: class}, nil
}
