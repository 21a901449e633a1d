package zone

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The SOA's timers in seconds (RFC 1035 section 3.3.13). The negative TTL is the
// zone's TTL, so that a new name is never hidden longer than an old answer lives.
const (
	soaRefresh = 7200
	soaRetry   = 1800
	soaExpire  = 86400
)

// versionTTL is the TTL of the dns-version record, in seconds.
const versionTTL = 28800

// apex is the head of a zone file: everything above the first block. The serial
// stands before the timers, and behind them a comment that says when the newest
// content came to be.
type apex struct {
	before, timers, after string
	counts                Counts
}

// changedMark begins the comment behind the SOA. Our CoreDNS plugin measures
// with it how fresh its answers are.
const changedMark = " ; changed "

// FileMark begins the first line of every zone file.
const FileMark = "; Written by zonegen"

// TempPrefix begins the name that a file has in its folder while it is written. No
// server takes one of them for a zone.
const TempPrefix = ".zonegen-"

// fileComment is that line.
const fileComment = FileMark + ", which replaces the whole file with each change: edits are lost.\n"

// EndMark begins the last line of every zone file, which repeats the serial. So a
// copy that is not complete yet can be told from a zone.
const EndMark = "; End of serial "

// EndLine is the last line of a zone file with this serial.
func EndLine(serial uint32) string {
	return EndMark + strconv.FormatUint(uint64(serial), 10) + "\n"
}

// forwardApex is the apex of a forward zone.
func forwardApex(origin string, o Options) apex {
	a, text := newApex(origin, origin, o)
	seen := make(map[string]bool)
	for _, ns := range o.Nameservers {
		host := ns.host(origin)
		if !inZone(host, origin) {
			continue
		}
		for _, addr := range ns.Addrs {
			record := fmt.Sprintf("%s %s", host, addr)
			if seen[record] {
				continue // a name server can be given twice
			}
			seen[record] = true
			kind := "A"
			if addr.Is4() {
				a.counts.A++
			} else {
				a.counts.AAAA++
				kind = "AAAA"
			}
			fmt.Fprintf(text, "%s %d %s %s\n", relativeTo(host, origin), o.TTL, kind, addr)
		}
	}
	fmt.Fprintf(text, "dns-version %d TXT %q\n", versionTTL, o.DNSVersion)
	text.Write(appendMarker(nil, "pod", o.TTL))
	a.counts.TXT += 2
	a.after = text.String()
	return a
}

// reverseApex is the apex of a reverse zone. Its name servers are those of the
// first forward zone.
func reverseApex(origin string, o Options) apex {
	a, text := newApex(origin, o.Zones[0], o)
	a.after = text.String()
	return a
}

// newApex begins an apex: the SOA and the NS records. Home is the zone whose
// name servers and hostmaster it has.
func newApex(origin, home string, o Options) (apex, *strings.Builder) {
	a := apex{counts: Counts{SOA: 1}}
	a.before = fmt.Sprintf("%s$ORIGIN %s\n@ %d IN SOA %s %s ", fileComment, origin, o.TTL,
		relativeTo(o.Nameservers[0].host(home), origin), relativeTo("hostmaster."+home, origin))
	a.timers = fmt.Sprintf(" %d %d %d %d", soaRefresh, soaRetry, soaExpire, o.TTL)
	text := new(strings.Builder)
	seen := make(map[string]bool)
	for _, ns := range o.Nameservers {
		if host := ns.host(home); !seen[host] {
			seen[host] = true
			fmt.Fprintf(text, "@ %d NS %s\n", o.TTL, relativeTo(host, origin))
			a.counts.NS++
		}
	}
	return a, text
}

// relativeTo shortens an absolute name that is in the zone.
func relativeTo(name, origin string) string {
	if name == origin {
		return "@"
	}
	if short, ok := strings.CutSuffix(name, "."+origin); ok {
		return short
	}
	return name
}

// append writes the apex.
func (a apex) append(dst []byte, serial uint32, changed time.Time) []byte {
	dst = append(dst, a.before...)
	dst = strconv.AppendUint(dst, uint64(serial), 10)
	dst = append(dst, a.timers...)
	if !changed.IsZero() {
		dst = append(dst, changedMark...)
		dst = changed.UTC().AppendFormat(dst, time.RFC3339Nano)
	}
	return append(append(dst, '\n'), a.after...)
}

// cut reads the serial and the time of change, zero if there is none, from a zone
// file. Ok is false if the file does not begin with the apex.
func (a apex) cut(text []byte) (serial uint32, changed time.Time, ok bool) {
	rest, ok := bytes.CutPrefix(text, []byte(a.before))
	digits, rest, found := bytes.Cut(rest, []byte(" "))
	n, err := strconv.ParseUint(string(digits), 10, 32)
	if !ok || !found || err != nil {
		return 0, changed, false
	}
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	timers, comment, commented := bytes.Cut(line, []byte(changedMark))
	if commented {
		if changed, err = time.Parse(time.RFC3339Nano, string(comment)); err != nil {
			return 0, changed, false
		}
	}
	return uint32(n), changed, string(timers) == a.timers[1:] && bytes.HasPrefix(rest, []byte(a.after))
}
