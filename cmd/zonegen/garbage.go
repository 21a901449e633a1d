package main

import (
	"os"
	"runtime/debug"
	"sync"
)

// How much garbage there may be, in percent of what is alive. Nearly all that is
// allocated on the way to the first zones stays, so looking for garbage takes as long
// as rendering and finds little. Later, a change makes some 100 kB of it: collecting
// twice as often as usual costs next to nothing, and saves a quarter of the memory.
const (
	garbageFirst = 400
	garbageLater = 50
)

// collectLate lets garbage be until the function that it returns is called, which
// also gives back to the system what the first lists and zones have left. $GOGC is
// obeyed instead, if there is one; the limit of $GOMEMLIMIT in any case.
func collectLate() (published func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(garbageFirst)
	return sync.OnceFunc(func() {
		debug.SetGCPercent(garbageLater)
		debug.FreeOSMemory()
	})
}
