package e2e

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"
)

// ledger is all that was written of one kind of objects, in order. The API server tells watchers of one kind in that order,
// so the kind had just these states: state 0, and state n after write n. Watches of different kinds are not ordered among
// one another, so each kind has a ledger of its own.
type ledger struct {
	mu     sync.Mutex
	writes []written
	of     map[string][]int // the numbers of each object's writes
}

type written struct {
	object string
	gone   bool      // it was deleted
	begun  time.Time // when the request was sent
}

func newLedger() *ledger { return &ledger{of: make(map[string][]int)} }

// begin notes a write that is about to be sent, and returns its number, from 1. The one before must have been answered.
func (l *ledger) begin(object string, gone bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes = append(l.writes, written{object, gone, time.Now()})
	n := len(l.writes)
	l.of[object] = append(l.of[object], n)
	return n
}

// count is how many writes were begun.
func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.writes)
}

// object is what a write was about.
func (l *ledger) object(n int) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n < 1 || n > len(l.writes) {
		return "", fmt.Errorf("write %d was never made: there are %d", n, len(l.writes))
	}
	return l.writes[n-1].object, nil
}

// lag is how long before a time a state ended, 0 if it lasts.
func (l *ledger) lag(state int, at time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if state >= len(l.writes) {
		return 0
	}
	return max(0, at.Sub(l.writes[state].begun))
}

// states returns the first and the last of the states, not before from, in which the objects in scope were as these
// writes made them, and those that have no write here were not there.
func (l *ledger) states(shown map[string]int, scope []string, from int) (first, last int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, last = from, len(l.writes)
	least, most := "an earlier version", "the last write"
	for object, n := range shown {
		if n < 1 || n > len(l.writes) || l.writes[n-1].object != object || l.writes[n-1].gone {
			return 0, 0, fmt.Errorf("write %d did not make %s what it is", n, object)
		}
		if n > first {
			first, least = n, fmt.Sprintf("write %d of %s", n, object)
		}
		if next := l.next(object, n); next <= last {
			last, most = next-1, fmt.Sprintf("write %d of %s, which ended write %d", next, object, n)
		}
	}
	for i := 0; i < len(scope) && first <= last; i++ {
		object := scope[i]
		if _, is := shown[object]; is || !l.exists(object, first) {
			continue
		}
		least = fmt.Sprintf("the end of %s, after state %d", object, first)
		for first <= last && l.exists(object, first) {
			first = l.next(object, first)
		}
		i = -1 // others that were not there may be by now
	}
	if first > last {
		return 0, 0, fmt.Errorf("there was no such state: not before %s, and not after %s", least, most)
	}
	for _, object := range scope {
		if _, is := shown[object]; !is {
			last = min(last, l.next(object, first)-1)
		}
	}
	return first, last, nil
}

// next is the number of an object's first write after a state, or one more than there are.
func (l *ledger) next(object string, state int) int {
	all := l.of[object]
	if i, _ := slices.BinarySearch(all, state+1); i < len(all) {
		return all[i]
	}
	return len(l.writes) + 1
}

// exists reports whether an object was there in a state.
func (l *ledger) exists(object string, state int) bool {
	all := l.of[object]
	i, _ := slices.BinarySearch(all, state+1)
	return i > 0 && !l.writes[all[i-1]-1].gone
}

// TestLedger: what was true at some time is found, and what was not is refused.
func TestLedger(t *testing.T) {
	l := newLedger()
	for _, w := range []string{"+a", "+b", "+a", "-b", "-a", "+b", "+a"} {
		l.begin(w[1:], w[0] == '-')
	}
	type state = map[string]int
	for _, test := range []struct {
		shown       state
		from        int
		first, last int // -1: there was none
	}{
		{state{}, 0, 0, 0},
		{state{}, 1, 5, 5},
		{state{"a": 1}, 0, 1, 1},
		{state{"a": 1, "b": 2}, 0, 2, 2},
		{state{"a": 3, "b": 2}, 0, 3, 3},
		{state{"a": 3}, 0, 4, 4},
		{state{"b": 2}, 0, -1, 0},         // a was there all the time
		{state{"a": 1, "b": 6}, 0, -1, 0}, // never together
		{state{"a": 3, "b": 2}, 4, -1, 0}, // was before
		{state{"b": 6}, 0, 6, 6},
		{state{"a": 7, "b": 6}, 3, 7, 7},
		{state{"a": 7}, 0, -1, 0},
		{state{"a": 2}, 0, -1, 0}, // a write of b
		{state{"a": 5}, 0, -1, 0}, // a deletion
		{state{"a": 8}, 0, -1, 0}, // not yet
	} {
		first, last, err := l.states(test.shown, []string{"a", "b"}, test.from)
		if err != nil {
			first, last = -1, 0
		}
		if first != test.first || last != test.last {
			t.Errorf("%v from %d: %d to %d, want %d to %d (%v)", test.shown, test.from, first, last, test.first, test.last, err)
		}
	}
	if first, last, err := l.states(state{"a": 3}, []string{"a"}, 0); err != nil || first != 3 || last != 4 {
		t.Errorf("b is out of scope: %d to %d, %v", first, last, err)
	}
}
