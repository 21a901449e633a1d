package main

import (
	"log/slog"
	"strconv"
	"strings"
	"unicode"

	"github.com/clusterset-dns/zonegen/zone"
)

// maxProblemLines is how many problems of one service are logged at a time.
const maxProblemLines = 10

// problemLog tells of dropped input once, however often its service is rendered,
// and when nothing of a service is dropped any more.
type problemLog struct {
	logger  *slog.Logger
	metrics *metrics
	known   map[zone.Key]map[string]bool // the problems that there are now
}

// report takes the problems that came of changes, and returns those that are new.
// Those of a changed service or namespace that are not among them are solved.
func (l *problemLog) report(c zone.Changes, problems []zone.Problem) (fresh []zone.Problem) {
	before := l.forget(c)
	lines := make(map[zone.Key]int)
	for _, p := range problems {
		text := p.Error()
		if l.known[p.Key] == nil {
			l.known[p.Key] = make(map[string]bool)
		}
		told := before[p.Key][text] || l.known[p.Key][text]
		l.known[p.Key][text] = true
		if told {
			continue
		}
		fresh = append(fresh, p)
		l.metrics.dropped.WithLabelValues(string(p.Reason)).Inc()
		if lines[p.Key]++; lines[p.Key] <= maxProblemLines {
			logProblem(l.logger, p)
		}
	}
	for k, n := range lines {
		if n > maxProblemLines {
			l.logger.Warn("left out more of the same service", "namespace", k.Namespace, "service", k.Name, "values", n-maxProblemLines)
		}
	}
	for i := range c.Services {
		if k := c.Services[i].Key; before[k] != nil && l.known[k] == nil {
			l.logger.Info("nothing is left out any more", "namespace", k.Namespace, "service", k.Name)
		}
	}
	l.metrics.droppedServices.Set(float64(l.services()))
	return fresh
}

// services is the number of services of which something is left out now.
func (l *problemLog) services() int {
	n := 0
	for k := range l.known {
		if k.Name != "" { // else it is a namespace
			n++
		}
	}
	return n
}

// forget takes the problems of all that has changed out of the known ones and
// returns them.
func (l *problemLog) forget(c zone.Changes) map[zone.Key]map[string]bool {
	if l.known == nil {
		l.known = make(map[zone.Key]map[string]bool)
	}
	before := make(map[zone.Key]map[string]bool)
	take := func(k zone.Key) {
		if known, ok := l.known[k]; ok {
			before[k] = known
			delete(l.known, k)
		}
	}
	for i := range c.Services {
		take(c.Services[i].Key)
	}
	for _, k := range c.Removed {
		take(k)
	}
	for _, namespaces := range [][]string{c.Namespaces, c.RemovedNamespaces} {
		for _, n := range namespaces {
			take(zone.Key{Namespace: n})
		}
	}
	return before
}

func logProblem(logger *slog.Logger, p zone.Problem) {
	logger.Warn("left out", "namespace", p.Namespace, "service", p.Name, "reason", p.Reason, "field", p.Field, "value", visible(p.Value), "message", p.Message)
}

// visible escapes a text that has more than ASCII: a letter of another alphabet may look
// like the right one.
func visible(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
		return strconv.QuoteToASCII(text)
	}
	return text
}
