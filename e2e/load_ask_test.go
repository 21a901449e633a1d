package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// ask is one question about a service, ready to be sent.
type ask struct {
	name   string
	qtype  uint16
	wire   []byte
	judged bool // the answer tells all addresses of the service
	none   bool // there is no such name
}

// asksOf are the questions about a service: a mix of what there is and what there is not. An answer to the ones with EDNS
// fits, however many endpoints there are.
func asksOf(s *zone.Service) []ask {
	name := s.Name + "." + s.Namespace + "." + svc
	address := "192.0.2.1" // nobody's
	if len(s.IPs) > 0 {
		address = s.IPs[0]
	}
	reverse, err := dns.ReverseAddr(address)
	if err != nil {
		panic(err) // cannot happen: it is one of ours
	}
	const room = 32768
	return []ask{
		newAsk(ask{name: name, qtype: dns.TypeA, judged: true}, room),
		newAsk(ask{name: "_http._tcp." + name, qtype: dns.TypeSRV, judged: s.Type == zone.Headless}, room),
		newAsk(ask{name: name, qtype: dns.TypeA, judged: true}, 0),
		newAsk(ask{name: name, qtype: dns.TypeAAAA}, 0),
		newAsk(ask{name: "nothing-" + name, qtype: dns.TypeA, none: true}, 0),
		newAsk(ask{name: reverse, qtype: dns.TypePTR}, 0),
		newAsk(ask{name: clusterset, qtype: dns.TypeSOA}, 0),
	}
}

func newAsk(a ask, room uint16) ask {
	query := new(dns.Msg).SetQuestion(a.name, a.qtype)
	if room > 0 {
		query.SetEdns0(room, false)
	}
	wire, err := query.Pack()
	if err != nil {
		panic(err) // cannot happen: the names are ours
	}
	a.wire = wire
	return a
}

// questioner asks one server one question after the other, as fast as that answers.
type questioner struct {
	chronicle *chronicle
	network   string
	address   string
	rng       *rand.Rand
	conn      *dns.Conn
	buffer    []byte

	seen     map[*versions]int
	serial   uint32
	answered int
	judged   int
	cut      int // answers with TC
	again    int // questions asked once more, for the server had hung up
}

// judgeEvery is which share of the answers is judged: the questioner is to cost less than the server.
const judgeEvery = 8

// redialEvery is how many questions go over one connection by TCP.
const redialEvery = 200

func newQuestioner(c *chronicle, network string, port int, seed uint64) *questioner {
	return &questioner{
		chronicle: c, network: network, address: loopback(port),
		rng: rand.New(rand.NewPCG(seed, 1035)), seen: make(map[*versions]int),
		buffer: make([]byte, dns.MaxMsgSize),
	}
}

// run asks until ctx is done, or until something is wrong with an answer or none comes.
func (q *questioner) run(ctx context.Context) error {
	defer q.hangUp()
	for ctx.Err() == nil {
		if q.network == "tcp" && q.answered%redialEvery == 0 {
			q.hangUp()
		}
		of := q.chronicle.pick(q.rng)
		question := of.asks[q.rng.IntN(len(of.asks))]
		answer, err := q.answer(question)
		if err == nil {
			err = q.look(of, question, answer)
		}
		if err != nil {
			return fmt.Errorf("%s %s by %s, after %d answers: %w", question.name, dns.Type(question.qtype), q.network, q.answered, err)
		}
		q.answered++
	}
	return nil
}

func (q *questioner) hangUp() {
	if q.conn != nil {
		_ = q.conn.Close() // nothing is under way
	}
	q.conn = nil
}

// answer asks until the server answers.
func (q *questioner) answer(question ask) (answer []byte, err error) {
	q.again, err = untilAnswered(q.again, func() error {
		if q.conn == nil {
			if q.conn, err = dns.DialTimeout(q.network, q.address, patience); err != nil {
				return err
			}
		}
		if answer, err = q.exchange(question.wire); err != nil {
			q.hangUp()
		}
		return err
	})
	return answer, err
}

// untilAnswered asks again as long as the server hangs up, which it may do by TCP (RFC 7766 section 6.2.3), and CoreDNS
// does when nothing comes for two seconds: on a busy machine, that happens to a client who is not given the CPU. It
// counts how often.
func untilAnswered(again int, ask func() error) (int, error) {
	for begin := time.Now(); ; again++ {
		err := ask()
		hungUp := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
		if !hungUp || time.Since(begin) > patience {
			return again, err
		}
	}
}

// exchange sends a question under an ID of its own and returns the message that has it.
func (q *questioner) exchange(question []byte) ([]byte, error) {
	id := uint16(q.rng.Uint32())
	sent := append(q.buffer[:0], question...)
	binary.BigEndian.PutUint16(sent, id)
	if err := q.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := q.conn.Write(sent); err != nil {
		return nil, err
	}
	n, err := q.conn.Read(q.buffer)
	if err != nil {
		return nil, err
	}
	if got := binary.BigEndian.Uint16(q.buffer); n < 12 || got != id {
		return nil, fmt.Errorf("%d octets with the ID %d, not %d", n, got, id)
	}
	return q.buffer[:n], nil
}

// look returns what is wrong with an answer.
func (q *questioner) look(of *past, question ask, wire []byte) error {
	const response, cut, code = 0x80, 0x02, 0x0f // RFC 1035 section 4.1.1
	rcode := int(wire[3] & code)
	if wire[2]&response == 0 || rcode != dns.RcodeNameError && (rcode != dns.RcodeSuccess || question.none) {
		return fmt.Errorf("header % x, %s", wire[:12], dns.RcodeToString[rcode])
	}
	truncated := wire[2]&cut != 0
	if truncated {
		q.cut++
	}
	if q.answered%judgeEvery != 0 {
		return nil
	}
	q.judged++
	answer := new(dns.Msg)
	if err := answer.Unpack(wire); err != nil {
		return err
	}
	switch {
	case question.qtype == dns.TypeSOA:
		return q.follows(answer)
	case question.judged && !truncated:
		return q.chronicle.judge(of, addressesOf(answer.Answer), q.seen)
	}
	return nil
}

// follows wants an SOA whose serial does not go back.
func (q *questioner) follows(answer *dns.Msg) error {
	if len(answer.Answer) != 1 {
		return fmt.Errorf("no SOA in %v", answer)
	}
	soa, ok := answer.Answer[0].(*dns.SOA)
	if !ok || zone.SerialLess(soa.Serial, q.serial) {
		return fmt.Errorf("serial %d was there before %v", q.serial, answer.Answer[0])
	}
	q.serial = soa.Serial
	return nil
}
