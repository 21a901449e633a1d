package main

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clusterset-dns/zonegen/watch"
)

// Who knows less than what is published waits, however long, and asks now and then.
func TestCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c catchUp
		log, source := new(records), new(fakeSource)
		logger := slog.New(log)
		older := errors.New("older")
		s := state{complete: watch.Position{"namespaces": 3}, newest: watch.Position{"namespaces": 4}}
		p := c.position(source, logger, s)
		if p.Text != "namespaces=4" || p.Behind("namespaces=3") != "" || p.Behind("namespaces=4") != "namespaces" {
			t.Errorf("position %q, behind %q", p.Text, p.Behind("namespaces=4"))
		}
		for range 60 {
			c.wait(source, logger, older)
			if p := c.position(source, logger, s); p.Behind("namespaces=4") == "" {
				t.Fatal("it publishes what is older")
			}
			pass(time.Second)
		}
		if len(source.catchUps) != 12 || source.catchUps[11].String() != "namespaces=4" {
			t.Errorf("the source is asked for %v", source.catchUps)
		}
		if len(log.all) != 1 || log.all[0].Level != slog.LevelInfo {
			t.Errorf("the log has %v", log.all)
		}
	})
}

// What an API that has gone back does not have cannot be waited for.
func TestCatchUpRestored(t *testing.T) {
	var c catchUp
	log := new(records)
	source := &fakeSource{present: watch.Position{"namespaces": 4}}
	s := state{complete: watch.Position{"namespaces": 3}}
	if c.position(source, slog.New(log), s).Behind("namespaces=900") != "namespaces" || len(log.all) != 0 {
		t.Error("it publishes what is older than what the API has")
	}
	s.complete["namespaces"] = 4
	for range 2 {
		if behind := c.position(source, slog.New(log), s).Behind("namespaces=900"); behind != "" {
			t.Errorf("behind: %s", behind)
		}
	}
	if len(log.all) != 1 || log.all[0].Level != slog.LevelWarn {
		t.Errorf("the log has %v", log.all)
	}
}
