package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// lossLimit says which loss of services is implausible.
type lossLimit struct {
	percent uint32        // of the services; more is implausible
	hold    time.Duration // for so long
}

// guardedServices is how many services there must be: of few, many go at a time.
const guardedServices = 10

// exceeded reports whether it is implausible that so many of the services are lost.
// No limit is that of 0, and nothing is more than all.
func (l lossLimit) exceeded(lost, of int) bool {
	return l.percent > 0 && l.hold > 0 && of >= guardedServices && lost*100 > of*int(l.percent)
}

// holding is a loss that is held back.
type holding struct {
	lost, of int
	until    time.Time
	// whole reports that nothing at all is published meanwhile.
	whole bool
}

func (h *holding) String() string {
	stays := "their records stay"
	if h.whole {
		stays = "what is in place stays"
	}
	return fmt.Sprintf("holding back a loss: %d of %d services are gone; %s until %s, or until enough of them return", h.lost, h.of, stays, h.until.UTC().Format(time.RFC3339))
}

// Error makes an error of what [publish.Guard] says.
func (h *holding) Error() string { return h.String() }

// begin tells the log of a loss that is held from now on.
func (l lossLimit) begin(logger *slog.Logger, lost, of int) {
	logger.Warn("holding back a loss of services", "lost", lost, "services", of, "limit", fmt.Sprintf("%d%%", l.percent), "for", l.hold)
}

// teller tells of a loss that is held on the objects that are lost: on one in each of
// the first few namespaces.
type teller struct {
	to   func(lost []zone.Key, message string)
	told map[string]bool // namespaces, of this loss
}

// maxNamespaces is in how many namespaces it is told.
const maxNamespaces = 10

func (t *teller) tell(lost []zone.Key, hold time.Duration) {
	var first []zone.Key
	for _, key := range lost {
		if !t.told[key.Namespace] && len(t.told) < maxNamespaces {
			t.told[key.Namespace] = true
			first = append(first, key)
		}
	}
	if len(first) > 0 {
		t.to(first, fmt.Sprintf("too many services are gone at once: the records from before stay for %s, or until enough of them return", hold))
	}
}

// lossGuard keeps the records of services for a while when an implausible share of
// them is lost. All that was lost within the hold time counts together, so that it
// does not matter in how many pieces it comes. What was believed of it before is not
// taken back, and stays below the limit; all later losses wait with the one that is
// held, and everything else goes on.
type lossGuard struct {
	limit    lossLimit
	logger   *slog.Logger
	teller   teller
	believed []loss
	held     *holding // nil: nothing is held
}

// loss is one that was believed.
type loss struct {
	at       time.Time
	services int
}

// judge reports whether to hold the loss of some services of all.
func (g *lossGuard) judge(lost []zone.Key, of int) (hold bool) {
	if g.held != nil {
		g.teller.tell(lost, g.limit.hold)
		return true
	}
	now := time.Now()
	g.believed = slices.DeleteFunc(g.believed, func(l loss) bool { return now.Sub(l.at) >= g.limit.hold })
	before := 0
	for _, l := range g.believed {
		before += l.services
	}
	if !g.limit.exceeded(before+len(lost), before+of) {
		g.believed = append(g.believed, loss{now, len(lost)})
		return false
	}
	g.held = &holding{lost: len(lost), of: of, until: now.Add(g.limit.hold)}
	g.limit.begin(g.logger, len(lost), of)
	g.teller.told = make(map[string]bool)
	g.teller.tell(lost, g.limit.hold)
	return true
}

// review returns what is held after changes, with so many services held now.
func (g *lossGuard) review(held int) *holding {
	if g.held == nil {
		return nil
	}
	if held == 0 {
		g.held = nil
		g.logger.Info("all services whose loss was held back are there again")
		return nil
	}
	h := *g.held
	h.lost = held
	return &h
}

// end ends the hold: what is still lost is believed. What was believed before it is
// older than the hold time then, so what is lost next is judged by what is left.
func (g *lossGuard) end(held int) {
	g.held = nil
	g.logger.Warn("a loss of services has lasted and is believed", "lost", held)
}

// follow believes so many losses that another replica has believed before, with so many
// services still held.
func (g *lossGuard) follow(lost, held int) {
	if held == 0 {
		g.held = nil
	}
	g.logger.Warn("a loss of services is believed, since the last leader has published it", "lost", lost)
}

// placeGuard holds snapshots back that lack too many of the services that were in a
// place when this process came there. It knows only names of what they lack, so
// nothing at all is published meanwhile.
type placeGuard struct {
	limit  lossLimit
	logger *slog.Logger
	teller teller
	until  time.Time // zero: nothing is held
	// letGo takes the records from services that the process holds. It is nil where
	// nobody else publishes.
	letGo func(gone []zone.Key)
}

// errLetGo says that newer snapshots come at once.
var errLetGo = errors.New("letting go of services that are gone from what is published")

// judge implements [publish.Guard]. What another replica has published without some
// services is not published with them again, though this one holds their loss back.
func (g *placeGuard) judge(losses zone.Losses) error {
	if g.letGo != nil && len(losses.Gone) > 0 {
		g.letGo(losses.Gone)
		return errLetGo
	}
	now, there, missing := time.Now(), losses.There, losses.Missing
	switch implausible := g.limit.exceeded(len(missing), there); {
	case !implausible:
		if !g.until.IsZero() {
			g.logger.Info("enough of the services whose loss was held back are there again", "lost", len(missing))
			g.until = time.Time{}
		}
		return nil
	case g.until.IsZero():
		g.until = now.Add(g.limit.hold)
		g.limit.begin(g.logger, len(missing), there)
		g.teller.told = make(map[string]bool)
		g.teller.tell(missing, g.limit.hold)
		return g.holding(there, missing)
	case now.Before(g.until):
		return g.holding(there, missing)
	default:
		g.logger.Warn("a loss of services has lasted and is believed", "lost", len(missing))
		g.until = time.Time{}
		return nil
	}
}

func (g *placeGuard) holding(there int, missing []zone.Key) *holding {
	return &holding{lost: len(missing), of: there, until: g.until, whole: true}
}
