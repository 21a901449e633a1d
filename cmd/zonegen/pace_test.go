package main

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	const s = time.Second
	start := time.Unix(1_790_000_000, 0)
	p := pace{interval: 5 * s}
	at := func(after time.Duration, written, failed bool, due, changed time.Duration) {
		t.Helper()
		p.after(start.Add(after), written, failed)
		if got := p.due(false).Sub(start); got != due {
			t.Errorf("at %s: due at %s, want %s", after, got, due)
		}
		if got := p.due(true).Sub(start); got != changed {
			t.Errorf("at %s: a change is due at %s, want %s", after, got, changed)
		}
	}
	at(10*s, true, false, 40*s, 15*s)  // a later change waits for the interval
	at(40*s, false, false, 70*s, 15*s) // but not after quiet
	at(41*s, true, false, 71*s, 46*s)
	at(50*s, false, true, 50*s+s/4, 50*s+s/4) // a failure is tried again soon, with what is the newest then
	at(51*s, false, true, 51*s+s/2, 51*s+s/2)
	for range 10 {
		p.after(start.Add(90*s), false, true)
	}
	at(100*s, false, true, 130*s, 105*s) // when that takes long, a change is reason to try at once
	at(130*s, true, false, 160*s, 135*s)
	at(140*s, false, true, 140*s+s/4, 140*s+s/4)
}
