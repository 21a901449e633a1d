package main

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clusterset-dns/zonegen/watch"
)

// Who has begun to wait waits for as long as the Lease lasts, and then not again.
func TestCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c catchUp
		log, source := new(records), new(fakeSource)
		older := errors.New("older")
		s := state{complete: watch.Position{"namespaces": 3}, newest: watch.Position{"namespaces": 4}}
		p := c.position(s)
		if p.Text != "namespaces=4" || p.Behind("namespaces=3") != "" || p.Behind("namespaces=4") != "namespaces" {
			t.Errorf("position %q, behind %q", p.Text, p.Behind("namespaces=4"))
		}
		for start := time.Now(); time.Since(start) < leaseDuration; pass(time.Second) {
			if !c.wait(source, slog.New(log), older) {
				t.Fatalf("it waits for %s", time.Since(start))
			}
		}
		if c.wait(source, slog.New(log), older) {
			t.Error("it waits for longer")
		}
		if p := c.position(s); p.Text != "namespaces=4" || p.Behind != nil {
			t.Error("it begins again")
		}
		if len(source.catchUps) != 3 || source.catchUps[2].String() != "namespaces=4" {
			t.Errorf("the source is asked for %v", source.catchUps)
		}
		if len(log.all) != 2 || log.all[0].Level != slog.LevelInfo || log.all[1].Level != slog.LevelWarn {
			t.Errorf("the log has %v", log.all)
		}
	})
}
