package e2e

import "sync"

// ending holds what is to be done before the test binary ends.
var ending struct {
	sync.Mutex
	todo []func()
}

// atEnd has f run before the test binary ends, be it that all tests are through or that it is interrupted: a control
// plane is in a process group of its own, so an interrupt from the terminal does not reach it.
func atEnd(f func()) {
	ending.Lock()
	defer ending.Unlock()
	ending.todo = append(ending.todo, f)
}

// end does what atEnd was given, last first.
func end() {
	ending.Lock()
	defer ending.Unlock()
	for len(ending.todo) > 0 {
		last := len(ending.todo) - 1
		ending.todo[last]()
		ending.todo = ending.todo[:last]
	}
}
