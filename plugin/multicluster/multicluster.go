// Package multicluster implements a plugin that serves the zones which zonegen
// writes: the multi-cluster services of a Kubernetes clusterset.
//
// It never asks the Kubernetes API. It loads zone files into an index of its own,
// again as soon as they change, and answers from that.
package multicluster

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/pkg/fall"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/coredns/coredns/request"

	"github.com/miekg/dns"
)

const pluginName = "multicluster"

var log = clog.NewWithPlugin(pluginName)

// Multicluster serves zones from files.
type Multicluster struct {
	Next plugin.Handler
	Fall fall.F
	*zones
}

// zones are the zones of one server block, and what keeps them up to date. The
// handlers of the block's keys share them.
type zones struct {
	zones          []*fileZone // those with more labels first
	dir            string
	poll           time.Duration
	startupTimeout time.Duration
	config         *dnsserver.Config // of the block's first key

	cancel   context.CancelFunc
	running  sync.WaitGroup
	stopping sync.Once
	notifier notifier
}

// Name implements the plugin.Handler interface.
func (*Multicluster) Name() string { return pluginName }

// match returns the zone that a name is in, nil if that is none.
func (z *zones) match(name string) *fileZone {
	for _, zone := range z.zones {
		if inZone(name, zone.name) {
			return zone
		}
	}
	return nil
}

// ServeDNS implements the plugin.Handler interface.
func (m *Multicluster) ServeDNS(ctx context.Context, w dns.ResponseWriter, r *dns.Msg) (int, error) {
	name, asked := questionOf(w, r)
	zone := m.match(name)
	if zone == nil {
		if m.Next == nil {
			return dns.RcodeRefused, nil
		}
		return plugin.NextOrFailure(m.Name(), m.Next, ctx, w, r)
	}
	switch r.Opcode {
	case dns.OpcodeQuery:
	case dns.OpcodeNotify: // nobody is our primary (RFC 1996 section 3.10)
		return dns.RcodeRefused, nil
	default:
		return dns.RcodeNotImplemented, nil
	}
	if class := r.Question[0].Qclass; class != dns.ClassINET && class != dns.ClassANY {
		return dns.RcodeRefused, nil
	}
	qtype := r.Question[0].Qtype
	if qtype == dns.TypeAXFR || qtype == dns.TypeIXFR { // the transfer plugin answers them if it may
		return dns.RcodeRefused, nil
	}
	s := zone.current.Load()
	if s == nil {
		return dns.RcodeServerFailure, nil
	}
	state := request.Request{W: w, Req: r}
	var reply *dns.Msg
	if s.file == nil {
		reply = s.answer(r, name, asked, qtype)
	} else {
		reply = s.answerFromFile(ctx, state)
	}
	if reply == nil {
		return dns.RcodeServerFailure, nil
	}
	if reply.Rcode == dns.RcodeNameError && len(reply.Answer) == 0 && m.Next != nil && m.Fall.Through(name) {
		return plugin.NextOrFailure(m.Name(), m.Next, ctx, w, r)
	}
	fit(reply, state)
	_ = w.WriteMsg(reply) // a client that is gone is no failure of ours
	return dns.RcodeSuccess, nil
}

// questionOf returns the canonical name of the question, and the name as it was
// asked for.
func questionOf(w dns.ResponseWriter, r *dns.Msg) (name, asked string) {
	if len(r.Question) == 1 && isOrdinary(r.Question[0].Name) {
		asked = r.Question[0].Name
		return strings.ToLower(asked), asked
	}
	state := request.Request{W: w, Req: r}
	return state.Name(), state.QName()
}

// isOrdinary reports whether a name has nothing that could be escaped.
func isOrdinary(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return len(name) > 0 && name[len(name)-1] == '.'
}
