package diff

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/miekg/dns"
)

// maxUpdate is the most text of one update message, in bytes. On the wire, where a
// message has at most 65,535 octets, it is no longer.
const maxUpdate = 48 << 10

// Update writes the commands with which nsupdate (RFC 2136) turns the left zone into
// the right one, given the SOA records of both. Changes of one name are one message
// or in consecutive ones, and each message happens as a whole or not at all.
//
// The serial is left to the server, unless the SOA differs. An error means that no
// update can do it; then nothing is written.
func Update(w io.Writer, origin string, left, right *dns.SOA, changes []Change) error {
	u := updater{origin: origin}
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].Name == changes[0].Name {
			n++
		}
		if err := u.name(changes[:n], left, right); err != nil {
			return err
		}
		changes = changes[n:]
	}
	u.send()
	if u.err != nil {
		return u.err
	}
	_, err := io.WriteString(w, u.out.String())
	return err
}

// updater collects the commands for one zone.
type updater struct {
	origin  string
	out     strings.Builder
	message strings.Builder
	err     error
}

// send ends a message, if it is not empty.
func (u *updater) send() {
	if u.message.Len() > 0 {
		fmt.Fprintf(&u.out, "zone %s\n%ssend\n", u.origin, u.message.String())
		u.message.Reset()
	}
}

func (u *updater) command(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if i := strings.IndexFunc(line[:len(line)-1], unicode.IsControl); i >= 0 && u.err == nil {
		// Data of others must not become commands.
		u.err = fmt.Errorf("%+q: a control character cannot be written for nsupdate; remove the record by hand", line)
	}
	if u.message.Len()+len(line) > maxUpdate {
		u.send()
	}
	u.message.WriteString(line)
}

// name writes the changes of one name. What goes goes first, because records may
// exclude each other (CNAME). But the last NS of a zone cannot go (RFC 2136 section
// 3.4.2.4), so there it is the other way round.
func (u *updater) name(changes []Change, left, right *dns.SOA) error {
	for _, c := range changes {
		switch {
		case strings.Contains(c.Type, " "):
			return fmt.Errorf("%s %s: an update is for records of class IN only; change the others by hand", c.Name, c.Type)
		case c.Type == "SOA" && c.Name == u.origin:
			if err := u.soa(c, left, right); err != nil {
				return err
			}
		case c.Type == "NS" && c.Name == u.origin:
			u.add(c)
			u.remove(c)
		case len(c.Added) == 0 && c.Kept == 0:
			u.command("update delete %s IN %s\n", c.Name, c.Type)
		default:
			u.remove(c)
		}
	}
	for _, c := range changes {
		if c.Name != u.origin || c.Type != "SOA" && c.Type != "NS" {
			u.add(c)
		}
	}
	return nil
}

// remove takes records away, but for those that get another TTL: to add them is to
// replace them (RFC 2136 section 3.4.2.2).
func (u *updater) remove(c Change) {
	for _, r := range c.Removed {
		if !slices.ContainsFunc(c.Added, func(added Record) bool { return added.Data == r.Data }) {
			u.command("update delete %s IN %s %s\n", c.Name, c.Type, r.Data)
		}
	}
}

func (u *updater) add(c Change) {
	for _, r := range c.Added {
		u.command("update add %s %d IN %s %s\n", c.Name, r.TTL, c.Type, r.Data)
	}
}

// soa replaces the SOA. A server takes a new one only with a greater serial (RFC 2136
// section 3.4.2.2).
func (u *updater) soa(c Change, left, right *dns.SOA) error {
	if len(c.Removed) > 1 || len(c.Added) > 1 || c.Kept > 0 {
		return fmt.Errorf("zone %s: one side has several SOA records, which no update makes or removes; mend that zone first (zonegen check tells more)", u.origin)
	}
	if len(c.Removed) != 1 || len(c.Added) != 1 {
		return fmt.Errorf("zone %s is there on one side only: no update makes or removes a zone; do it in the server's configuration", u.origin)
	}
	right = transferred(right).(*dns.SOA)
	serial := right.Serial
	if int32(serial-left.Serial) <= 0 { // RFC 1982 section 3.2
		if c.Added[0].Data == data(right, true) {
			return fmt.Errorf("zone %s: no update turns serial %d back to %d; leave --serial out", u.origin, left.Serial, right.Serial)
		}
		if serial = left.Serial + 1; serial == 0 {
			serial = 1
		}
	}
	right.Serial = serial
	u.command("update add %s %d IN SOA %s\n", c.Name, c.Added[0].TTL, data(right, true))
	return nil
}
