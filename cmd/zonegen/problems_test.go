package main

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"
)

// reports is a problem log with a memory.
type reports struct {
	*testing.T
	log problemLog
	all *records
}

func newReports(t *testing.T) *reports {
	all := new(records)
	return &reports{t, problemLog{logger: slog.New(all), metrics: newMetrics()}, all}
}

// report reports and wants these messages in the log, and so many services with
// problems.
func (r *reports) report(c zone.Changes, problems []zone.Problem, services int, messages ...string) {
	r.Helper()
	r.all.all = nil
	r.log.report(c, problems)
	var got []string
	for _, record := range r.all.all {
		got = append(got, record.Message)
	}
	if !slices.Equal(got, messages) {
		r.Errorf("the log says %q, want %q", got, messages)
	}
	if n := value(r.T, r.log.metrics.droppedServices); int(n) != services {
		r.Errorf("%v services with problems, want %d", n, services)
	}
}

func (r *reports) wantDropped(reason zone.Reason, want int) {
	r.Helper()
	if n := value(r.T, r.log.metrics.dropped.WithLabelValues(string(reason))); int(n) != want {
		r.Errorf("%v values dropped because of %s, want %d", n, reason, want)
	}
}

var (
	cartKey = zone.Key{Namespace: "shop", Name: "cart"}
	webKey  = zone.Key{Namespace: "shop", Name: "web"}
)

func changed(keys ...zone.Key) zone.Changes {
	var c zone.Changes
	for _, k := range keys {
		c.Services = append(c.Services, zone.Service{Key: k})
	}
	return c
}

func badAddress(k zone.Key, value string) zone.Problem {
	return zone.Problem{Key: k, Reason: zone.BadAddress, Field: "spec.ips[0]", Value: value, Message: "no address"}
}

const (
	leftOut = "left out"
	more    = "left out more of the same service"
	solved  = "nothing is left out any more"
)

// Each problem is told once, however often its service is rendered; when it is
// solved, and when it comes again.
func TestProblemsAreToldOnce(t *testing.T) {
	r := newReports(t)
	a, b := badAddress(cartKey, "a"), badAddress(cartKey, "b")
	r.report(changed(cartKey, webKey), []zone.Problem{a}, 1, leftOut)
	r.report(changed(cartKey), []zone.Problem{a}, 1)
	r.report(changed(cartKey), []zone.Problem{a, b, b}, 1, leftOut)
	r.report(changed(webKey), nil, 1)
	r.report(changed(cartKey), []zone.Problem{b}, 1)
	r.report(changed(cartKey), nil, 0, solved)
	r.report(changed(cartKey), nil, 0)
	r.report(changed(cartKey), []zone.Problem{b}, 1, leftOut)
	r.wantDropped(zone.BadAddress, 3)
	r.wantDropped(zone.BadPort, 0)
}

func TestProblemsOfWhatIsGone(t *testing.T) {
	r := newReports(t)
	p := badAddress(cartKey, "a")
	r.report(changed(cartKey), []zone.Problem{p}, 1, leftOut)
	r.report(zone.Changes{Removed: []zone.Key{cartKey}}, nil, 0)
	r.report(changed(cartKey), []zone.Problem{p}, 1, leftOut)
	r.report(zone.Changes{Removed: []zone.Key{cartKey, webKey}}, nil, 0)

	// A namespace is none of the services, and is forgotten when it goes.
	bad := zone.Problem{Key: zone.Key{Namespace: "a.b"}, Reason: zone.BadName, Field: "metadata.name", Value: "a.b"}
	r.report(zone.Changes{Namespaces: []string{"a.b"}}, []zone.Problem{bad}, 0, leftOut)
	r.report(zone.Changes{Namespaces: []string{"a.b"}}, []zone.Problem{bad}, 0)
	r.report(zone.Changes{RemovedNamespaces: []string{"a.b"}}, nil, 0)
	if n := len(r.log.known); n != 0 {
		t.Errorf("problems of %d things that are gone are kept", n)
	}
	r.report(zone.Changes{Namespaces: []string{"a.b"}}, []zone.Problem{bad}, 0, leftOut)
}

// A service with very many problems does not fill the log, and is counted.
func TestManyProblems(t *testing.T) {
	r := newReports(t)
	var problems []zone.Problem
	for i := range maxProblemLines + 5 {
		problems = append(problems, badAddress(cartKey, fmt.Sprint(i)))
	}
	problems = append(problems, badAddress(webKey, "x"))
	want := slices.Repeat([]string{leftOut}, maxProblemLines+1)
	r.report(changed(cartKey, webKey), problems, 2, append(want, more)...)
	r.wantDropped(zone.BadAddress, maxProblemLines+6)
	r.report(changed(cartKey, webKey), problems, 2)
	r.report(changed(cartKey, webKey), nil, 0, solved, solved)
}
