package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// patience is how long a server may take for one message.
const patience = 10 * time.Second

// maxRecords is the most records of one zone that are read: a record of the shortest
// kind is some 64 bytes of the 1 GiB that a zone file may have.
const maxRecords = 1 << 24

// axfr transfers a zone. The result is as in a file: the SOA first, and once.
func (r *Reader) axfr(ctx context.Context, p Place, zone string) ([]dns.RR, error) {
	fail := func(err error) ([]dns.RR, error) {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("%s: cannot transfer %s: %w", p.text, zone, err)
	}
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", p.server)
	if err != nil {
		return fail(unreachable(err))
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()

	query := new(dns.Msg).SetAxfr(zone)
	transfer := &dns.Transfer{Conn: &dns.Conn{Conn: conn}, ReadTimeout: patience, WriteTimeout: patience}
	key := cmp.Or(r.Keys[p.server], r.Keys[""])
	if key != nil {
		query.SetTsig(key.name, key.algorithm, 300, time.Now().Unix())
		transfer.TsigSecret = map[string]string{key.name: key.secret}
	}
	envelopes, err := transfer.In(query, p.server)
	if err != nil {
		return fail(unreachable(err))
	}
	defer func() { // the sender ends when the connection is closed
		_ = conn.Close()
		for range envelopes {
		}
	}()
	var records []dns.RR
	for envelope := range envelopes {
		if envelope.Error != nil {
			return fail(explain(envelope.Error, key, len(records)))
		}
		if records = append(records, envelope.RR...); len(records) > maxRecords {
			return fail(fmt.Errorf("more than %d records; split the zone", maxRecords))
		}
	}
	last := len(records) - 1
	if last < 1 || !dns.IsDuplicate(records[0], records[last]) || dns.CanonicalName(records[0].Header().Name) != zone {
		return fail(errors.New("what came does not begin and end with the zone's SOA; try again, and see the server's log"))
	}
	return records[:last], nil
}

// unreachable says what mends a connection that failed.
func unreachable(err error) error {
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%w; a transfer takes TCP: check address, port and firewall", err)
	}
	return err
}

// explain says what mends a transfer, with a key or without, that failed after some
// records.
func explain(err error, key *Key, after int) error {
	var rcode int
	// The library tells the rcode in its text only.
	if _, scanErr := fmt.Sscanf(strings.TrimPrefix(err.Error(), "dns: "), "bad xfr rcode: %d", &rcode); scanErr == nil {
		err = errors.New(dns.RcodeToString[rcode])
		switch rcode {
		case dns.RcodeRefused:
			return fmt.Errorf("%w; allow it there (allow-transfer in BIND, transfer in CoreDNS), or give the key for it with --tsig; or the server has no such zone, then name another as @SERVER/ZONE", err)
		case dns.RcodeNotAuth, dns.RcodeNameError, dns.RcodeServerFailure:
			return fmt.Errorf("%w; the server has no such zone, or does not transfer it to this address; name another zone as @SERVER/ZONE", err)
		}
		return err
	}
	switch {
	case key != nil && errors.Is(err, dns.ErrAuth): // whatever the reason of a NOTAUTH
		return fmt.Errorf("NOTAUTH; the server has no such zone, or does not know the key %s: check its name, algorithm and secret on both sides, and the clocks, or name another zone as @SERVER/ZONE", key.name)
	case key != nil && (errors.Is(err, dns.ErrSig) || errors.Is(err, dns.ErrNoSig) || errors.Is(err, dns.ErrTime)):
		return fmt.Errorf("the answer is not signed with the key %s (%w); check its name, algorithm and secret on both sides, and the clocks, or give the key to another server only: --tsig @SERVER=FILE", key.name, err)
	case errors.Is(err, io.EOF) && after == 0:
		return fmt.Errorf("the server hung up (%w); allow the transfer there, or give the key for it with --tsig", err)
	case errors.Is(err, io.EOF), errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it broke off after %d records: %w; try again", after, err)
	case errors.As(err, new(*dns.Error)):
		return fmt.Errorf("%w; what answers there does not transfer this zone: check address, port and zone", err)
	}
	return err
}
