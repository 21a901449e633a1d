package publish

import (
	"errors"
	"fmt"
	"io"

	"github.com/clusterset-dns/zonegen/zone"
)

// ErrHeld says that a [Guard] holds snapshots back. Nothing was written.
var ErrHeld = errors.New("what is in place stays")

// Guard is asked before the first write into a place that has zones from before: of
// so many services in a zone there, some are missing in its snapshot. An error holds
// all snapshots back; the next Publish asks again. After nil it is not asked any more.
type Guard func(there int, missing []zone.Key) error

// admit asks a guard, which may be nil, about snapshots. NameOf is where the zone of
// an origin is, and open opens it.
func (g Guard) admit(snapshots []*zone.Snapshot, nameOf func(origin string) (string, error), open func(name string) (io.ReadCloser, error)) error {
	if g == nil {
		return nil
	}
	for _, s := range snapshots {
		name, err := nameOf(s.Origin())
		if err != nil {
			continue // there can be none
		}
		there, missing, err := s.Missing(name, open)
		if err != nil {
			return err
		}
		if err := g(there, missing); err != nil {
			return fmt.Errorf("%w: %w", ErrHeld, err)
		}
	}
	return nil
}
