package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/clusterset-dns/zonegen/explain"
)

// explanation is an answer as text for people. All of it is printable, whatever the
// API and servers say.
type explanation struct {
	strings.Builder
	paint painter
}

// maxEndpoints is how many endpoints of a slice, and records of a service, are told;
// JSON has all.
const maxEndpoints = 20

func (t *explanation) line(format string, args ...any) {
	t.WriteString(printable(fmt.Sprintf(format, args...)) + "\n")
}

func (t *explanation) heading(c color, format string, args ...any) {
	t.WriteString(t.paint(c, printable(fmt.Sprintf(format, args...))) + "\n")
}

var verdicts = map[explain.Verdict]string{
	explain.Answers:  "has records",
	explain.NoData:   "exists without records (NODATA)",
	explain.NotThere: "does not exist (NXDOMAIN)",
	explain.Outside:  "is not in the zones",
}

func (t *explanation) answer(a *explain.Answer) {
	c := green
	if a.Verdict != explain.Answers && a.Verdict != explain.NoData {
		c = red
	}
	t.heading(c, "%s %s", a.Question, verdicts[a.Verdict])
	for _, why := range a.Why {
		t.line("  %s", why)
	}
	for i, name := range a.Closest {
		if i == 0 {
			t.heading(bold, "Did you mean")
		}
		t.line("  %s", name)
	}
	t.records("Records", a.Records)
	if a.Service != nil {
		t.service(a)
	}
	t.reverse(a.Reverse)
	if a.Server != nil {
		t.server(a.Server, a.Verdict == explain.Outside)
	}
}

func (t *explanation) records(title string, records []explain.Record) {
	for i, r := range records {
		if i == 0 {
			t.heading(bold, "%s", title)
		}
		if i == maxEndpoints {
			t.more(len(records) - i)
			return
		}
		t.line("  %s %d %s %s", r.Name, r.TTL, r.Type, r.Data)
	}
}

func (t *explanation) more(n int) { t.line("  ... and %d more: see --output json", n) }

func (t *explanation) service(a *explain.Answer) {
	s := a.Service
	t.heading(bold, "ServiceImport %s/%s", s.Namespace, s.Name)
	text := "  " + s.Type
	if len(s.IPs) > 0 {
		text += ", IPs " + strings.Join(s.IPs, " ")
	}
	t.line("%s", text+portsText(s.Ports))
	whole := strings.HasPrefix(a.Question, s.Name+"."+s.Namespace+".")
	asked := slices.ContainsFunc(s.Slices, hasAsked)
	for _, slice := range s.Slices {
		if whole || hasAsked(slice) || !asked && len(a.Reverse) == 0 {
			t.slice(slice, asked && !whole)
		}
	}
	for i, d := range s.Dropped {
		if i == 0 {
			t.heading(bold, "Left out")
		}
		t.line("  %s %q: %s", d.Field, d.Value, d.Message)
	}
	if whole {
		other := slices.DeleteFunc(slices.Clone(s.Records), func(r explain.Record) bool { return slices.Contains(a.Records, r) })
		t.records("Records below it", other)
	}
}

func hasAsked(s explain.Slice) bool {
	return slices.ContainsFunc(s.Endpoints, func(e explain.Endpoint) bool { return e.Asked })
}

func portsText(ports []explain.Port) string {
	if len(ports) == 0 {
		return ", no ports"
	}
	var texts []string
	for _, p := range ports {
		text := p.Protocol
		if p.Number != 0 {
			text += fmt.Sprintf(" %d", p.Number)
		}
		if p.Name != "" {
			text = p.Name + " " + text
		}
		texts = append(texts, text)
	}
	return ", ports " + strings.Join(texts, ", ")
}

// slice tells of an EndpointSlice: of all endpoints, or of those that are asked for.
func (t *explanation) slice(s explain.Slice, asked bool) {
	t.heading(bold, "EndpointSlice %s", s.Name)
	ready, width := 0, 0
	var endpoints []explain.Endpoint
	for _, e := range s.Endpoints {
		if e.Ready {
			ready++
		}
		if e.Asked || !asked {
			endpoints, width = append(endpoints, e), max(width, len(e.Address))
		}
	}
	cluster := "cluster " + s.Cluster
	if s.Cluster == "" {
		cluster = "no cluster"
	}
	t.line("  %s%s, %d of %d addresses ready", cluster, portsText(s.Ports), ready, len(s.Endpoints))
	for i, e := range endpoints {
		if i == maxEndpoints {
			t.more(len(endpoints) - i)
			return
		}
		state, name := "ready", e.Name
		if !e.Ready {
			state = "not ready"
		}
		if name == "" {
			name = "no name of its own"
		}
		t.line("  %-9s  %-*s  %s", state, width, e.Address, name)
	}
}

func (t *explanation) reverse(addresses []explain.Reverse) {
	addresses = slices.DeleteFunc(slices.Clone(addresses), func(r explain.Reverse) bool { return len(r.Claims) == 0 })
	if len(addresses) == 0 {
		return
	}
	t.heading(bold, "Addresses and their names")
	width := 0
	for _, r := range addresses[:min(len(addresses), maxEndpoints)] {
		width = max(width, len(r.Address))
	}
	for i, r := range addresses {
		if i == maxEndpoints {
			t.more(len(addresses) - i)
			return
		}
		ptr := r.PTR
		if ptr == "" {
			ptr = "no name"
		}
		t.line("  %-*s  %s", width, r.Address, ptr)
		if len(r.Claims) < 2 && r.PTR != "" {
			continue
		}
		for _, c := range r.Claims {
			name, state := cmp.Or(c.Name, "no name that is published"), ""
			switch {
			case c.Wins:
				state = ", which counts"
			case !c.Ready:
				state = ", not ready"
			}
			t.line("    %s of %s: %s%s", c.Kind, c.Service, name, state)
		}
	}
}

// server tells what a server says of a name, and whether it should: of a name outside of
// the zones nothing is known.
func (t *explanation) server(s *explain.Server, outside bool) {
	t.heading(bold, "Server %s", s.Address)
	for _, a := range s.Answers {
		c, verdict := green, ", as it should be"
		switch {
		case outside:
			c, verdict = bold, ""
		case !a.Agrees:
			c, verdict = red, ", not what it should be"
		}
		what := string(a.Verdict)
		if n := len(a.Records); n == 1 {
			what = "1 record"
		} else if n > 0 {
			what = fmt.Sprintf("%d records", n)
		}
		t.heading(c, "  %s: %s%s", a.Type, what, verdict)
		if a.Agrees && !outside {
			continue
		}
		for i, r := range a.Records {
			if i == maxEndpoints {
				t.more(len(a.Records) - i)
				break
			}
			t.line("    %s %d %s %s", r.Name, r.TTL, r.Type, r.Data)
		}
	}
}
