package publish

import (
	"errors"
	"fmt"
	"io"

	"github.com/clusterset-dns/zonegen/zone"
)

// ErrHeld says that a [Guard] holds snapshots back. Nothing was written.
var ErrHeld = errors.New("what is in place stays")

// Guard is asked once by each Publish, before the first write into a place that has
// zones from before, how the services there and in the snapshots differ. An error holds
// all snapshots back; the next Publish asks again. After nil it is not asked any more.
type Guard func(losses zone.Losses) error

// admit asks a guard, which may be nil, about snapshots. NameOf is where the zone of
// an origin is, and open opens it. All zones have the same services, so the one with
// the most losses speaks for all: others may be new in the place.
func (g Guard) admit(snapshots []*zone.Snapshot, nameOf func(origin string) (string, error), open func(name string) (io.ReadCloser, error)) error {
	if g == nil {
		return nil
	}
	var most zone.Losses
	for _, s := range snapshots {
		name, err := nameOf(s.Origin())
		if err != nil {
			continue // there can be none
		}
		losses, err := s.Losses(name, open)
		if err != nil {
			return err
		}
		if len(losses.Missing) > len(most.Missing) || most.There == 0 {
			most.There, most.Missing = losses.There, losses.Missing
		}
		if len(losses.Gone) > len(most.Gone) {
			most.Gone = losses.Gone
		}
	}
	if err := g(most); err != nil {
		return fmt.Errorf("%w: %w", ErrHeld, err)
	}
	return nil
}
