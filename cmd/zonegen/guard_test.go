package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

const (
	heldLine     = "ok\nholding back a loss: "
	holdsLog     = "holding back a loss of services"
	followedLog  = "a loss of services is believed, since the last leader has published it"
	believedLog  = "a loss of services has lasted and is believed"
	thereLog     = "all services whose loss was held back are there again"
	enoughLog    = "enough of the services whose loss was held back are there again"
	guardedCount = 20
)

// services are changes that bring so many services from a number on.
func services(from, n int) (c zone.Changes) {
	for i := range n {
		c.Services = append(c.Services, zone.Service{Key: numbered(from + i), Type: zone.ClusterSetIP, IPs: []string{"10.1.0.1"}})
	}
	return c
}

// gone are changes that remove so many services from a number on.
func gone(from, n int) (c zone.Changes) {
	for i := range n {
		c.Removed = append(c.Removed, numbered(from+i))
	}
	return c
}

func numbered(i int) zone.Key { return zone.Key{Namespace: "shop", Name: fmt.Sprintf("s%d", i)} }

// published is how many numbered services the zone file has.
func (d *testDaemon) published() int {
	d.t.Helper()
	text, err := os.ReadFile(d.path())
	if err != nil {
		d.t.Fatal(err)
	}
	return len(regexp.MustCompile(`(?m)^\$ORIGIN s\d`).FindAll(text, -1))
}

func (d *testDaemon) wantPublished(what string, want int) {
	d.t.Helper()
	if n := d.published(); n != want {
		d.t.Errorf("%s: %d services are published, want %d", what, n, want)
	}
}

// wantHeld expects that so many services are held, whoever tells it.
func (d *testDaemon) wantHeld(what string, want int) {
	d.t.Helper()
	if n := value(d.t, d.metrics.held.WithLabelValues("folder")); n != float64(want) {
		d.t.Errorf("%s: zonegen_held_services is %v, want %d", what, n, want)
	}
	if want == 0 {
		if _, text := d.readyz(); text != "ok\n" {
			d.t.Errorf("%s: /readyz says %q", what, text)
		}
		return
	}
	d.wantReadyz(200, fmt.Sprintf("%s%d of ", heldLine, want))
}

func (d *testDaemon) wantLog(what, message string, want int) {
	d.t.Helper()
	if n := len(d.log.times(slog.LevelInfo, message)); n != want {
		d.t.Errorf("%s: the log says %d times %q, want %d", what, n, message, want)
	}
}

// An implausible loss is held for a minute, in which everything else goes on, and
// then believed.
func TestLossIsHeld(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		d.changes(services(0, guardedCount))
		d.changes(gone(0, 6)) // 30 %
		d.wantPublished("a plausible loss", 14)
		d.wantHeld("a plausible loss", 0)
		d.pass(time.Minute)

		d.changes(gone(6, 5)) // of 14
		d.wantPublished("an implausible loss", 14)
		d.wantHeld("an implausible loss", 5)
		d.wantLog("an implausible loss", holdsLog, 1)
		if told := d.source.toldHeld; !slices.Equal(told, []zone.Key{numbered(6)}) {
			t.Errorf("the source was told of %v, want one in the namespace", told)
		}
		d.change("10.0.0.1")
		if !d.holds("10.0.0.1") {
			t.Error("another change waits as well")
		}
		d.pass(30 * time.Second)
		d.changes(gone(11, 1))
		d.wantPublished("one more loss", 14)
		d.wantHeld("one more loss", 6)
		d.pass(29 * time.Second)
		d.wantPublished("just before the end", 14)
		d.pass(time.Second)
		d.wantPublished("after a minute", 8)
		d.wantHeld("after a minute", 0)
		d.wantLog("after a minute", believedLog, 1)
		d.wantLog("after a minute", holdsLog, 1)

		d.changes(gone(12, 1)) // what is left is judged anew
		d.wantPublished("later", 7)
		d.wantHeld("later", 0)
	})
}

// Services that lose their records are lost, too, though they exist.
func TestLossOfRecords(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		d.changes(services(0, guardedCount))
		broken := services(0, guardedCount)
		for i := range broken.Services {
			broken.Services[i].Type = zone.Headless // without endpoints
		}
		d.changes(broken)
		d.wantPublished("no endpoints", guardedCount)
		d.wantHeld("no endpoints", guardedCount)
		d.pass(time.Minute)
		d.wantPublished("a minute later", 0)
		d.changes(services(0, guardedCount))
		d.wantPublished("they are back", guardedCount)
	})
}

// What comes back while it is held was never away.
func TestLossReturns(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		d.changes(services(0, guardedCount))
		for range 3 {
			d.changes(gone(0, guardedCount))
			d.wantHeld("all are gone", guardedCount)
			d.pass(10 * time.Second)
			d.changes(services(0, 15))
			d.wantHeld("most are back", 5) // the others have their minute
			d.wantPublished("most are back", guardedCount)
			d.pass(10 * time.Second)
			d.changes(services(15, 5))
			d.wantHeld("all are back", 0)
			d.pass(time.Hour)
			d.wantPublished("all are back", guardedCount)
		}
		d.wantLog("all are back", thereLog, 3)
		d.wantLog("all are back", believedLog, 0)
		if n := len(d.log.times(slog.LevelInfo, "published")); n != 1 {
			t.Errorf("%d publications, want the first only", n)
		}
	})
}

// It does not matter in how many pieces a loss comes, but in which time.
func TestLossInPieces(t *testing.T) {
	for _, c := range []struct {
		pause           time.Duration
		published, held int // after ten are gone
	}{
		{0, 14, 4},
		{time.Second, 14, 4},
		{9 * time.Second, 14, 4},
		{30 * time.Second, 10, 0},
	} {
		t.Run(c.pause.String(), func(t *testing.T) {
			inBubble(t, t.TempDir(), func(d *testDaemon) {
				d.changes(services(0, guardedCount))
				for i := range 10 {
					d.pass(c.pause)
					d.changes(gone(i, 1))
				}
				d.wantPublished("ten are gone", c.published)
				d.wantHeld("ten are gone", c.held)
				d.pass(time.Minute)
				d.wantPublished("a minute later", 10)
			})
		})
	}
}

// Of few services many may go, and without a guard all.
func TestLossOfFew(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		d.changes(services(0, guardedServices-1))
		d.changes(gone(0, guardedServices-1))
		d.wantPublished("few", 0)
	})
	for _, limit := range []lossLimit{{0, time.Minute}, {100, time.Minute}, {30, 0}} {
		inBubble(t, t.TempDir(), func(d *testDaemon) {
			d.changes(services(0, guardedCount))
			d.changes(gone(0, guardedCount))
			d.wantPublished(fmt.Sprint(limit), 0)
			d.wantHeld(fmt.Sprint(limit), 0)
		}, func(d *testDaemon) { d.guard.limit = limit })
	}
}

// A loss in many namespaces is told in some of them, also in those that follow later.
func TestLossIsTold(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		all := services(0, 2*guardedCount)
		for i := range all.Services {
			all.Services[i].Namespace = fmt.Sprintf("n%02d", i/2)
		}
		d.changes(all)
		var told []zone.Key
		for i := 0; i < len(all.Services); i += 4 {
			var c zone.Changes
			for _, svc := range all.Services[i : i+4] {
				c.Removed = append(c.Removed, svc.Key)
			}
			d.changes(c)
			if i >= 12 && i < 32 {
				told = append(told, all.Services[i].Key, all.Services[i+2].Key)
			}
		}
		if !slices.Equal(d.source.toldHeld, told) || len(told) != maxNamespaces {
			t.Errorf("the source was told of %v, want %v", d.source.toldHeld, told)
		}
	})
}

// What was published before a restart is not emptied by accident either, and a restart
// while a loss is held does not end that.
func TestLossOverRestart(t *testing.T) {
	folder := t.TempDir()
	inBubble(t, folder, func(d *testDaemon) {
		d.changes(services(0, guardedCount))
		d.changes(gone(0, 10))
		d.wantHeld("before the restart", 10)
	})
	inBubble(t, folder, func(d *testDaemon) {
		d.wantPublished("after the restart", guardedCount)
		d.changes(services(10, 10))
		d.wantPublished("after the restart", guardedCount)
		d.wantHeld("after the restart", 10)
		d.pass(20 * time.Second)
		d.changes(services(5, 5)) // 75 %
		d.wantPublished("most are back", 15)
		d.wantHeld("most are back", 0)
		d.wantLog("most are back", enoughLog, 1)
	})
	inBubble(t, folder, func(d *testDaemon) {
		d.changes(zone.Changes{})
		before := d.published()
		d.wantHeld("an empty list", before)
		d.pass(10 * time.Second)
		d.change("10.0.0.1")
		if d.holds("10.0.0.1") {
			t.Error("half of the truth is published")
		}
		d.pass(50*time.Second - time.Nanosecond)
		d.wantPublished("just before the end", before)
		d.pass(time.Nanosecond)
		d.wantPublished("after a minute", 0)
		d.wantHeld("after a minute", 0)
		d.wantLog("after a minute", believedLog, 1)
		if !d.holds("10.0.0.1") {
			t.Error("what waited is not published")
		}
	})
}

// All zones of a place are held and believed together.
func TestLossOfManyZones(t *testing.T) {
	folder := t.TempDir()
	twoZones := func(d *testDaemon) {
		set, err := zone.NewSet(zone.Options{Zones: []string{"clusterset.local", "other.example"}, NoReverse: true})
		if err != nil {
			t.Fatal(err)
		}
		set.HoldLosses(d.guard.judge)
		d.set = set
	}
	inBubble(t, folder, func(d *testDaemon) { d.changes(services(0, guardedCount)) }, twoZones)
	inBubble(t, folder, func(d *testDaemon) {
		d.changes(services(0, 5))
		d.wantHeld("after the restart", 15)
		d.pass(time.Minute)
		d.wantPublished("a minute later", 5)
		d.wantHeld("a minute later", 0)
		d.wantLog("a minute later", holdsLog, 1)
		d.wantLog("a minute later", believedLog, 1)
	}, twoZones)
}

// What another replica has published without some services is not published with them
// again because this one holds them. What only this one holds stays held.
func TestLossThatAnotherBelieved(t *testing.T) {
	inBubbleWith(t, 0, func(d *testDaemon, p *fakePlace) {
		guard := d.placeGuard("configmap", "zones")
		guard.letGo = d.letGoOf
		leads, lacks := false, []zone.Key(nil) // what is published
		var most atomic.Int64                  // services that it has published
		p.outcome = func(ctx context.Context, snapshots []*zone.Snapshot) outcome {
			if !leads {
				return outcome{standsBy: "another one leads"}
			}
			losses := zone.Losses{There: guardedCount - len(lacks), Gone: lacks}
			lacks = nil // it is the last time that the snapshots have them
			if err := guard.judge(losses); err != nil {
				return outcome{undecided: err.Error()}
			}
			most.Store(max(most.Load(), int64(strings.Count(string(snapshots[0].Append(nil, 1)), "\n$ORIGIN s"))))
			return p.written(ctx, snapshots)
		}
		d.changes(services(0, guardedCount))
		d.changes(gone(0, 15))
		d.wantHeld("all stand by", 15)
		leads, lacks = true, gone(0, 10).Removed
		p.wakes <- struct{}{}
		synctest.Wait()
		d.wantPublished("it leads", 10)
		d.wantHeld("it leads", 5)
		d.wantLog("it leads", followedLog, 1)
		if n := most.Load(); n != 10 {
			t.Errorf("%d services were in the other place, want 10", n)
		}
		d.pass(time.Minute)
		d.wantPublished("a minute later", 5)
		d.wantHeld("a minute later", 0)

		d.changes(gone(15, 5)) // of so few it is no loss
		d.wantPublished("few", 0)
	})
}

// The end does not believe what was held.
func TestLossAtEnd(t *testing.T) {
	inBubble(t, t.TempDir(), func(d *testDaemon) {
		d.changes(services(0, guardedCount))
		d.changes(gone(0, guardedCount))
		d.stop()
		synctest.Wait()
		d.pass(time.Hour)
		d.wantPublished("after the end", guardedCount)
	})
}
