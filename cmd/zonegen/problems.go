package main

import (
	"log/slog"

	"github.com/clusterset-dns/zonegen/zone"
)

// maxProblemLines is how many problems of one service are logged at a time.
const maxProblemLines = 10

// problemLog tells of dropped input once, however often its service is rendered.
type problemLog struct {
	logger  *slog.Logger
	metrics *metrics
	known   map[zone.Key]map[string]bool
}

// report takes the problems that came of changes. Those of a changed service
// that are not among them are solved.
func (l *problemLog) report(c zone.Changes, problems []zone.Problem) {
	before := make(map[zone.Key]map[string]bool)
	forget := func(k zone.Key) {
		if known, ok := l.known[k]; ok {
			before[k] = known
			delete(l.known, k)
		}
	}
	for _, s := range c.Services {
		forget(s.Key)
	}
	for _, k := range c.Removed {
		forget(k)
	}
	lines := make(map[zone.Key]int)
	for _, p := range problems {
		text := p.Error()
		if l.known[p.Key] == nil {
			l.known[p.Key] = make(map[string]bool)
		}
		if before[p.Key][text] || l.known[p.Key][text] {
			l.known[p.Key][text] = true
			continue
		}
		l.known[p.Key][text] = true
		l.metrics.dropped.WithLabelValues(string(p.Reason)).Inc()
		if lines[p.Key]++; lines[p.Key] <= maxProblemLines {
			l.logger.Warn("left out", "namespace", p.Namespace, "service", p.Name, "reason", p.Reason, "field", p.Field, "value", p.Value, "message", p.Message)
		}
	}
	for k, n := range lines {
		if n > maxProblemLines {
			l.logger.Warn("left out more of the same service", "namespace", k.Namespace, "service", k.Name, "values", n-maxProblemLines)
		}
	}
	l.metrics.droppedServices.Set(float64(len(l.known)))
}
