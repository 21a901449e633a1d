package check

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// Report is what came of judging.
type Report struct {
	Zones    []Summary `json:"zones"`
	Findings []Finding `json:"findings"`
}

// Summary is the state of one zone.
type Summary struct {
	File   string `json:"file"`
	Origin string `json:"origin"`
	// Records is how many were read, those of a signer included.
	Records int    `json:"records"`
	Serial  uint32 `json:"serial"`
	// Judged is whether the zone could be read to its end and has an SOA record.
	// Otherwise there is a finding that says why not.
	Judged bool `json:"judged"`
	// Findings is how many there are. A report lists at most 100 of one rule for
	// one file.
	Findings int `json:"findings"`
	// Unchecked is how many PTR records point into zones that were not given.
	Unchecked int `json:"unchecked"`
}

// String returns the summary in one line of ASCII, safe to print.
func (s Summary) String() string {
	text := fmt.Sprintf("%s: %s, serial %d: ", ascii(s.File), count(s.Records, "record"), s.Serial)
	if !s.Judged {
		text = fmt.Sprintf("%s: not judged after %s: ", ascii(s.File), count(s.Records, "record"))
	}
	text += count(s.Findings, "finding")
	if s.Unchecked > 0 {
		text += fmt.Sprintf(" (%s not looked up: their zone is not among the files)", count(s.Unchecked, "PTR target"))
	}
	return text
}

// count says how many there are of something.
func count(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// judge applies the rules to one zone after the other.
type judge struct {
	zones map[string]*index
	out   *findings

	x         *index // the zone being judged
	unchecked int
	records   []*Record // scratch
}

// Judge applies the rules to zones. Names that one zone mentions are looked up in
// all of them.
func Judge(zones ...*Zone) Report {
	j := &judge{zones: make(map[string]*index), out: newFindings()}
	report := Report{Zones: make([]Summary, len(zones))}
	indexes := make([]*index, len(zones))
	for i, z := range zones {
		report.Zones[i] = Summary{File: z.File, Origin: z.Origin, Records: len(z.Records)}
		before := j.out.total
		indexes[i] = j.prepare(z)
		report.Zones[i].Findings = j.out.total - before
	}
	for i, x := range indexes {
		if x == nil {
			continue
		}
		s := &report.Zones[i]
		before := j.out.total
		j.x, j.unchecked = x, 0
		j.zone()
		s.Origin, s.Serial, s.Judged = x.origin, x.soa.Serial, true
		s.Findings += j.out.total - before
		s.Unchecked = j.unchecked
	}
	report.Findings = j.out.sorted()
	return report
}

// prepare indexes a zone, and returns nil if it cannot be judged. The zone that a
// file's name says and the one that its SOA says must be the same; if they are not,
// the rest is judged as the former if there are records at its apex.
func (j *judge) prepare(z *Zone) *index {
	if f := z.Unreadable; f != nil {
		j.out.add(f.File, f.Line, f.Rule, f.Name, "%s", f.Message)
		return nil
	}
	x := newIndex(z, j.out)
	if x.soa == nil {
		line := 0
		if len(z.Records) > 0 {
			line = z.Records[0].Line
		}
		j.out.add(z.File, line, RuleSOA, z.Origin, "no SOA record: every zone has one, and no server loads it without")
		return nil
	}
	origin := lower(x.soa.Hdr.Name)
	if z.Origin != "" && z.Origin != origin {
		j.out.at(x.soaAt, RuleSOAOwner, "the SOA of another zone than %s, which the file is by its name or by the command: name the file db.%s, or mend the SOA", z.Origin, strings.TrimSuffix(origin, "."))
		if x.get(z.Origin) != nil {
			origin = z.Origin
		}
	}
	x.settle(origin)
	if j.zones[origin] == nil {
		j.zones[origin] = x
	}
	return x
}

// zone judges one zone.
func (j *judge) zone() {
	j.apex()
	for i := range j.x.owners {
		j.owner(&j.x.owners[i])
	}
}

// find returns the given zone that a lower-case name is in, nil if there is none.
func (j *judge) find(name string) *index {
	for {
		if x := j.zones[name]; x != nil {
			return x
		}
		i, end := dns.NextLabel(name, 0)
		if end {
			return j.zones["."]
		}
		name = name[i:]
	}
}
