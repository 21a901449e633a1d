package watch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Those that begin to retry at the same time do not stay in step, and none of them
// pauses for longer than six seconds.
func TestRetriesAreApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		const all = 20
		ends := make(chan time.Time, all)
		for range all {
			go func() {
				last, attempts := time.Now(), 0
				retry(ctx, func(context.Context) bool {
					if pause := time.Since(last); pause > 6*time.Second {
						t.Errorf("a pause of %s", pause)
					}
					last = time.Now()
					attempts++
					return attempts == 100
				})
				ends <- last
			}()
		}
		different := make(map[time.Time]bool)
		for range all {
			different[(<-ends).Truncate(time.Second)] = true
		}
		if len(different) < all/3 {
			t.Errorf("after 100 attempts, %d clients ask in %d different seconds", all, len(different))
		}
	})
}
