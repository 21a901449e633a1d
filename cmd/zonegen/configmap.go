package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
)

// configMapPlace is ConfigMaps, written by the leader of several replicas.
//
// The Lease says who that is, and so spares writes. That no older zone gets over a
// newer one does not hang on it, or on clocks: see [publish.ConfigMaps], of which
// each term has its own. Its Confirm makes sure that this one leads after the first
// read; so who leads later reads later, and each write of this one fails after the
// first of the later one.
type configMapPlace struct {
	options    publish.ConfigMapOptions
	election   *election
	source     watch.Source
	term       context.Context
	configMaps *publish.ConfigMaps // of the term
	catchUp    catchUp             // in the term
	guard      *placeGuard
}

func newConfigMapPlace(options publish.ConfigMapOptions, election *election, source watch.Source, guard *placeGuard) (*configMapPlace, error) {
	options.Confirm = election.confirm
	options.Guard = guard.judge
	if _, err := publish.NewConfigMaps(options); err != nil {
		return nil, err
	}
	return &configMapPlace{options: options, election: election, source: source, guard: guard}, nil
}

func (p *configMapPlace) publish(ctx context.Context, s state) outcome {
	p.election.start() // there is something to write
	term := p.election.leading()
	if term == nil {
		p.configMaps = nil
		return p.standBy()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(term, cancel)()
	for range 3 {
		if p.configMaps == nil || p.term != term {
			options := p.options
			options.LastSerial = p.election.lock.possibleSerial()
			configMaps, err := publish.NewConfigMaps(options)
			if err != nil {
				return failed(s.snapshots, err)
			}
			if p.term != term {
				p.catchUp = catchUp{}
				p.guard.until = time.Time{}
			}
			p.configMaps, p.term = configMaps, term
		}
		results, err := p.configMaps.PublishAt(ctx, s.snapshots, p.catchUp.position(p.source, p.options.Logger, s))
		held := new(holding)
		switch {
		case errors.As(err, &held):
			return outcome{held: held}
		case errors.Is(err, errLetGo):
			return outcome{undecided: err.Error()}
		case errors.Is(err, publish.ErrOlder):
			if p.election.lock.hindrance() != "" { // perhaps another one can
				p.options.Logger.Info("resigning", "cause", err)
				p.election.resign(term)
				return p.standBy()
			}
			p.catchUp.wait(p.source, p.options.Logger, err)
			time.AfterFunc(catchUpRetry, p.election.tell)
			return outcome{undecided: "waiting for changes of which the last leader knew: " + err.Error()}
		case errors.Is(err, publish.ErrSuperseded): // begins anew if it still leads
			p.options.Logger.Info("another replica has published meanwhile")
			p.configMaps, p.catchUp = nil, catchUp{}
		case errors.Is(err, errNotLeading):
			p.options.Logger.Info("resigning", "cause", err)
			p.configMaps = nil
			p.election.resign(term)
			return p.standBy()
		case err != nil && term.Err() != nil: // a request was ended with the term
			return p.standBy()
		default:
			p.catchUp.waits = false
			for _, r := range results {
				if r.Serial != 0 {
					p.election.lock.published(r.Serial)
				}
			}
			return outcome{results: results}
		}
	}
	return failed(s.snapshots, fmt.Errorf("configmap %s/%s: %w", p.options.Namespace, p.options.Name, publish.ErrSuperseded))
}

// standBy says who leads, or why that is not known.
func (p *configMapPlace) standBy() outcome {
	name := p.options.Namespace + "/" + p.options.Name
	switch leader, problem := p.election.lock.state(); {
	case problem != "":
		return outcome{undecided: fmt.Sprintf("no leader is known for configmap %s: %s", name, problem)}
	case leader == "" || leader == p.election.lock.Identity():
		return outcome{undecided: fmt.Sprintf("waiting for the election of a leader for configmap %s", name)}
	default:
		return outcome{standsBy: fmt.Sprintf("configmap %s is written by %s, which leads; this one stands by", name, leader)}
	}
}

func (p *configMapPlace) due() <-chan struct{} { return p.election.changed }

// close gives up the Lease. Nothing is written any more then.
func (p *configMapPlace) close() { p.election.leave() }
