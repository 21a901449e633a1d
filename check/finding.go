package check

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Finding is one place where a zone does not keep the contract.
type Finding struct {
	// File is the file that holds the record: the zone file, or what it includes.
	File string `json:"file"`
	// Line is where the record begins, 0 where the zone has no lines.
	Line int `json:"line,omitempty"`
	// Rule is the identifier of the rule, see the package's documentation.
	Rule Rule `json:"rule"`
	// Name is the owner, empty if no record is to blame.
	Name string `json:"name,omitempty"`
	// Message says what is wrong and what to do about it.
	Message string `json:"message"`
}

// String returns the finding in one line of ASCII, safe to print.
func (f Finding) String() string {
	var b strings.Builder
	b.WriteString(ascii(f.File))
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
	}
	b.WriteString(": " + string(f.Rule) + ": ")
	if f.Name != "" {
		b.WriteString(ascii(f.Name) + ": ")
	}
	b.WriteString(ascii(f.Message))
	return b.String()
}

// ascii escapes what is not plain printable ASCII: a zone file may hold anything.
func ascii(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`), `\\`, `\`)
}

// maxListed is how many findings of one rule are listed for one file. A wrong
// option can break every record of a million.
const maxListed = 100

// findings collects findings, at most maxListed for each rule and file.
type findings struct {
	list  []Finding
	found map[place]*tally
	total int
}

type place struct {
	file string
	rule Rule
}

type tally struct {
	count int
	line  int // of the last that is listed
}

func newFindings() *findings { return &findings{found: make(map[place]*tally)} }

// add notes a finding.
func (f *findings) add(file string, line int, rule Rule, name, format string, args ...any) {
	f.total++
	t := f.found[place{file, rule}]
	if t == nil {
		t = new(tally)
		f.found[place{file, rule}] = t
	}
	if t.count++; t.count > maxListed {
		return
	}
	t.line = max(t.line, line)
	f.list = append(f.list, Finding{File: file, Line: line, Rule: rule, Name: name, Message: fmt.Sprintf(format, args...)})
}

// at notes a finding at a record.
func (f *findings) at(r *Record, rule Rule, format string, args ...any) {
	f.add(r.File, r.Line, rule, r.RR.Header().Name, format, args...)
}

// sorted returns the findings by file and line.
func (f *findings) sorted() []Finding {
	list := append([]Finding{}, f.list...)
	for p, t := range f.found {
		if t.count > maxListed {
			list = append(list, Finding{File: p.file, Line: t.line, Rule: p.rule, Message: fmt.Sprintf("and %d more findings of this rule", t.count-maxListed)})
		}
	}
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), strings.Compare(string(a.Rule), string(b.Rule)))
	})
	return list
}
