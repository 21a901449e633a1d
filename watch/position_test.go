package watch

import (
	"slices"
	"testing"
	"testing/synctest"

	"github.com/clusterset-dns/zonegen/zone"
)

func TestPosition(t *testing.T) {
	p := Position{"a": 1, "b": 18446744073709551615, "c": 0}
	if text := p.String(); text != "a=1 b=18446744073709551615 c=0" || !samePosition(ParsePosition(text), p) {
		t.Errorf("%q is read as %v", text, ParsePosition(text))
	}
	if p := ParsePosition("a=one b c= d=-1 =  e=5"); !samePosition(p, Position{"e": 5}) {
		t.Errorf("nonsense is read as %v", p)
	}
	older := Position{"a": 9, "c": 2, "unknown": 7}
	if kinds := (Position{"a": 10, "b": 1, "c": 1}).Behind(older); !slices.Equal(kinds, []string{"c"}) {
		t.Errorf("behind in %v", kinds)
	}
	if kinds := Position(nil).Behind(older); kinds != nil {
		t.Errorf("a source without a position is behind in %v", kinds)
	}
	if p := (Position{"a": 1, "b": 4}).Furthest(Position{"a": 2, "b": 3}); !samePosition(p, Position{"a": 2, "b": 4}) {
		t.Errorf("furthest is %v", p)
	}
	if p := Position(nil).Furthest(Position{"a": 2}); !samePosition(p, Position{"a": 2}) {
		t.Errorf("furthest is %v", p)
	}
}

func samePosition(a, b Position) bool { return a.String() == b.String() }

// What was handed out counts as applied when next is called again, and then goes on
// with what changes nothing, until something changes.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(0)
		want := func(when, returned, applied, newest string) {
			t.Helper()
			p := q.progress()
			if p.Returned.String() != returned || p.Applied.String() != applied || p.Newest.String() != newest {
				t.Errorf("%s: %v", when, p)
			}
		}
		results := make(chan zone.Changes)
		next := func() {
			go func() {
				c, _ := q.next(t.Context(), asRemoved)
				results <- c
			}()
			synctest.Wait()
		}
		change := func(version uint64, names ...string) {
			d := dirtyService(names...)
			d.position = Position{"x": version}
			q.touch(d)
			synctest.Wait()
		}
		change(10, "a")
		q.hear("x", "11")
		q.open()
		next()
		<-results
		change(12, "b")
		want("the first state is handed out", "x=11", "", "x=12")
		next()
		want("it is applied, and another one handed out", "x=12", "x=11", "x=12")
		<-results
		q.hear("x", "13")
		want("another one is handed out", "x=12", "x=11", "x=12")
		next()
		want("it is applied", "x=12", "x=13", "x=12")
		change(14)
		want("a version without a change", "x=12", "x=14", "x=14")
		change(9)
		want("versions go back", "x=12", "x=9", "x=9")
		change(15, "c")
		want("a change is handed out", "x=15", "x=9", "x=15")
		<-results
	})
}
