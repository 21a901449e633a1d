package check

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// Source says where the text of a zone comes from.
type Source struct {
	// Name is what findings call it: a file's path.
	Name string
	// Origin is the zone's name. Empty means the owner of its SOA, and then the
	// text must begin with $ORIGIN or absolute names.
	Origin string
	// Include opens what $INCLUDE names, always a plain name without folders. Nil
	// means that nothing can be included.
	Include func(name string) (io.ReadCloser, error)
}

// ReadFile reads a zone file and what it includes from its own folder. Without an
// origin, the zone is the one that the file's name says (db.ZONE, as zonegen and
// CoreDNS' auto plugin name files), else the owner of its SOA. Of a file
// db.ZONE.signed, the SOA tells whether the zone is ZONE or ZONE.signed. The error
// is one of the operating system; what is wrong with the text is in the zone's
// Unreadable and in what [Judge] finds.
func ReadFile(path, origin string) (*Zone, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	whole := ""
	if origin == "" {
		origin, whole = originOf(filepath.Base(path)), wholeOriginOf(filepath.Base(path))
	}
	beside := &folder{path: filepath.Dir(path)}
	defer beside.close()
	z, err := Read(f, Source{Name: path, Origin: origin, Include: beside.open})
	if err == nil && whole != "" && whole == z.soaOwner() {
		z.Origin = whole
	}
	return z, err
}

// soaOwner is the owner of the SOA that is judged, in lower case; empty if there is none.
func (z *Zone) soaOwner() string {
	if soa := z.soa(); soa != nil {
		return lower(soa.Hdr.Name)
	}
	return ""
}

// soa is the SOA that is judged, nil if there is none.
func (z *Zone) soa() *dns.SOA {
	for i := range z.Records {
		if soa, ok := z.Records[i].RR.(*dns.SOA); ok && soa.Hdr.Class == dns.ClassINET {
			return soa
		}
	}
	return nil
}

// Read reads the text of a zone. The error is one of the reader; what is wrong
// with the text is in the zone's Unreadable and in what [Judge] finds.
func Read(r io.Reader, from Source) (*Zone, error) { return read(r, from, maxText) }

func read(r io.Reader, from Source, limit int64) (*Zone, error) {
	z := &Zone{File: from.Name}
	if from.Origin != "" {
		z.Origin = lower(dns.Fqdn(from.Origin))
	}
	t := &tracker{left: limit}
	whole := &ends{in: r}
	zp := dns.NewZoneParser(t.newSource(from.Name, io.NopCloser(whole)), z.Origin, beside+"/zone")
	zp.SetIncludeAllowed(true)
	zp.SetIncludeFS(&includes{t: t, open: from.Include, folder: filepath.Dir(from.Name)})
	owner := ""
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		// Records of one name share its text.
		if h := rr.Header(); h.Name == owner {
			h.Name = owner
		} else {
			owner = h.Name
		}
		z.Records = append(z.Records, Record{RR: rr, File: t.at.name, Line: t.line})
	}
	if err := zp.Err(); err != nil {
		return z, z.stopped(t, err)
	}
	if soa := z.soa(); soa != nil && !whole.areOf(soa.Serial) {
		z.Unreadable = &Finding{Rule: RuleEnd, File: from.Name, Line: t.open[0].line, Message: fmt.Sprintf(
			"the last line is not %q, but the first is zonegen's: the file is cut short, or two versions are mixed; copy it again", lastLine(soa.Serial))}
	}
	return z, nil
}

// stopped notes why the parser stopped, or returns the error if the text is not
// to blame.
func (z *Zone) stopped(t *tracker, err error) error {
	if t.err != nil {
		err = t.err
	}
	f := &Finding{File: t.at.name, Line: t.line}
	var refused *refusal
	var syntax *dns.ParseError
	switch {
	case errors.As(err, &refused):
		f.Rule, f.Message = refused.rule, refused.message
	case errors.As(err, &syntax):
		what, line := explain(syntax)
		f.Rule, f.Line = RuleParse, max(line, f.Line)
		f.Message = what + ": no server loads this file; mend the line"
		if z.Origin == "" && len(z.Records) == 0 {
			f.Message += ", or give the zone's name if the text is relative to it"
		}
	default:
		return err
	}
	z.Unreadable = f
	return nil
}

// maxQuoted is the most of the parser's message that is repeated, in bytes. It
// holds the offending word, which has any length.
const maxQuoted = 200

// explain takes the parser's message apart: what is wrong, and in which line, 0 if
// it does not say.
func explain(err *dns.ParseError) (what string, line int) {
	what = err.Error()
	if _, after, ok := strings.Cut(what, "dns: "); ok {
		what = after
	}
	if i := strings.LastIndex(what, " at line: "); i >= 0 {
		number, _, _ := strings.Cut(what[i+len(" at line: "):], ":")
		if n, err := strconv.Atoi(number); err == nil {
			line = n
		}
		what = strings.TrimSuffix(what[:i], ":")
	}
	if len(what) > maxQuoted {
		what = what[:maxQuoted] + "…"
	}
	return what, line
}
