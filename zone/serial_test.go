package zone

import (
	"testing"
	"time"
)

func TestNextSerial(t *testing.T) {
	const clock = 1_800_000_000
	for _, tc := range []struct {
		name string
		last uint32
		now  int64
		want uint32
	}{
		{"first", 0, clock, clock},
		{"first, after 2038", 0, 1<<31 + 5, 1<<31 + 5},
		{"clock ahead", clock - 60, clock, clock},
		{"twice in one second", clock, clock, clock + 1},
		{"clock went back", clock + 3600, clock, clock + 3601},
		{"restart within a burst", clock + 12, clock, clock + 13},
		{"last is ahead by half the circle", clock + 1<<31, clock, clock + 1<<31 + 1},
		{"last is just less than half behind", clock + 1<<31 + 1, clock, clock},
		{"never 0: the last before the wrap", 1<<32 - 1, 1<<32 - 10, 1},
		{"never 0: a clock of 0", 0, 1 << 32, 1},
		{"never 0: an empty clock", 0, 0, 1},
		{"the clock has wrapped", 1<<32 - 5, 1<<32 + 7, 7},
		{"the clock has wrapped to 0", 1<<32 - 5, 1 << 32, 1},
		{"the serial has wrapped, the clock has not", 3, 1<<32 - 2, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := NextSerial(tc.last, time.Unix(tc.now, 999))
			if got != tc.want {
				t.Errorf("NextSerial(%d, %d) = %d, want %d", tc.last, tc.now, got, tc.want)
			}
			if tc.last != 0 && !SerialLess(tc.last, got) {
				t.Errorf("%d is not after %d", got, tc.last)
			}
		})
	}
}

// TestNextSerialOnceAround follows a burst over the wrap with a clock that
// stands still: every serial is new, greater than the one before, and not 0.
func TestNextSerialOnceAround(t *testing.T) {
	now := time.Unix(1<<32-1000, 0)
	last := uint32(1<<32 - 100)
	for range 200 {
		next := NextSerial(last, now)
		if next == 0 || !SerialLess(last, next) {
			t.Fatalf("after %d comes %d", last, next)
		}
		last = next
	}
}
