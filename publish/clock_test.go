package publish_test

import (
	"testing"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
)

// The clock jumps while zones are published: serials grow, and what has not changed
// keeps its own.
func TestClockJumps(t *testing.T) {
	now := noon
	f := open(t, t.TempDir(), func(o *publish.FolderOptions) { o.Now = func() time.Time { return now } })
	last := f.publish(forward(t, 0)).Serial
	for i, jump := range []time.Duration{
		time.Hour, -24 * time.Hour, 10 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour, time.Second, -noon.Sub(time.Unix(0, 0)), 30 * 365 * 24 * time.Hour,
	} {
		now = now.Add(jump)
		r := f.publish(forward(t, i+1))
		if int32(r.Serial-last) <= 0 || r.Serial == 0 { // RFC 1982
			t.Errorf("after a jump by %s, serial %d comes after %d", jump, r.Serial, last)
		}
		if again := f.publish(forward(t, i+1)); again.Written || again.Serial != r.Serial {
			t.Errorf("without a change, serial %d comes after %d", again.Serial, r.Serial)
		}
		last = r.Serial
	}
}
