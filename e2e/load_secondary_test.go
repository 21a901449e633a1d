package e2e

import (
	"context"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// ixfrClient follows the zone as secondaries do: it asks for what has changed since the version it has (RFC 1995), and
// holds the records that this makes.
type ixfrClient struct {
	address string
	serial  uint32
	records map[string]bool

	unchanged, incremental, whole int
	again                         int // transfers begun once more, for the server had hung up
}

func newIXFRClient(port int) *ixfrClient { return &ixfrClient{address: loopback(port)} }

// transferEvery is how often it asks.
const transferEvery = time.Second

// run follows the zone until ctx is done, and once more.
func (s *ixfrClient) run(ctx context.Context) error {
	tick := time.Tick(transferEvery)
	for {
		if err := s.refresh(); err != nil {
			return fmt.Errorf("a transfer from %s, after %d: %w", s.address, s.unchanged+s.incremental+s.whole, err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick:
		}
	}
}

// refresh makes one transfer.
func (s *ixfrClient) refresh() (err error) {
	var all []dns.RR
	s.again, err = untilAnswered(s.again, func() (err error) {
		all, err = s.transfer()
		return err
	})
	if err != nil {
		return err
	}
	return s.take(all)
}

// transfer returns what the server sends to whoever has what is here.
func (s *ixfrClient) transfer() ([]dns.RR, error) {
	query := new(dns.Msg).SetAxfr(clusterset)
	if s.records != nil {
		query.SetIxfr(clusterset, s.serial, "ns.dns."+clusterset, "hostmaster."+clusterset)
	}
	return receive(&dns.Transfer{DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience}, query, s.address)
}

// take makes the records of a transfer its own.
func (s *ixfrClient) take(all []dns.RR) error {
	first, ok := all[0].(*dns.SOA)
	if !ok {
		return fmt.Errorf("it begins with %v", all[0])
	}
	switch {
	case len(all) == 1:
		s.unchanged++
		if first.Serial != s.serial {
			return fmt.Errorf("only %v, and serial %d is here", first, s.serial)
		}
		return nil
	case all[1].Header().Rrtype == dns.TypeSOA:
		s.incremental++
		return s.change(all[1:len(all)-1], first.Serial)
	}
	s.whole++
	s.serial, s.records = first.Serial, make(map[string]bool)
	for _, rr := range all[1:] { // the last is the SOA again
		s.records[rr.String()] = true
	}
	return nil
}

// change deletes and adds what a difference says, to the letter: from an SOA on what is gone, from the next on what has
// come, the SOAs included.
func (s *ixfrClient) change(difference []dns.RR, to uint32) error {
	come := true
	for _, rr := range difference {
		if rr.Header().Rrtype == dns.TypeSOA {
			come = !come
		}
		text := rr.String()
		if s.records[text] == come {
			return fmt.Errorf("from %d to %d, there to be: %v, but it is so already: %s", s.serial, to, come, text)
		}
		if come {
			s.records[text] = true
		} else {
			delete(s.records, text)
		}
	}
	s.serial = to
	return nil
}
