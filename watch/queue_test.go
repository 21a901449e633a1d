package watch

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

func dirtyService(names ...string) dirty {
	d := newDirty()
	for _, name := range names {
		d.services[zone.Key{Namespace: "ns", Name: name}] = time.Time{}
	}
	return d
}

// asRemoved makes changes of all that is dirty.
func asRemoved(take func() dirty) (c zone.Changes) {
	for key := range take().services {
		c.Removed = append(c.Removed, key)
	}
	return c
}

// pass lets time pass, in a bubble, and everybody do what there is to do then.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func nothing(take func() dirty) zone.Changes {
	take()
	return zone.Changes{}
}

func TestQueueWaitsUntilComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(time.Second)
		q.touch(dirtyService("a"))
		time.AfterFunc(time.Minute, q.open)
		start := time.Now()
		c, err := q.next(t.Context(), asRemoved)
		if err != nil || len(c.Removed) != 1 || time.Since(start) != time.Minute {
			t.Errorf("after %s: %v, %v", time.Since(start), c, err)
		}
	})
}

func TestQueueFirstStateMayBeEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(time.Second)
		q.open()
		q.open()
		start := time.Now()
		if _, err := q.next(t.Context(), nothing); err != nil || time.Since(start) != 0 {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestQueueLeadingEdge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(time.Second)
		q.open()
		if _, err := q.next(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		time.AfterFunc(3*time.Second, func() { q.touch(dirtyService("a")) })
		start := time.Now()
		if _, err := q.next(t.Context(), asRemoved); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("a change after quiet was handed out after %s, not at once", took-3*time.Second)
		}
	})
}

// A burst: every change comes out, in order, at most one batch per interval, and
// none waits longer than that.
func TestQueueBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval, burst, step = time.Second, 10 * time.Second, 7 * time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		q := newQueue(interval)
		q.open()
		if _, err := q.next(ctx, nothing); err != nil {
			t.Fatal(err)
		}
		start, changes := time.Now(), int(burst/step)
		go func() {
			for i := range changes {
				q.touch(dirtyService(strconv.Itoa(i)))
				<-time.After(step)
			}
			<-time.After(2 * interval)
			cancel()
		}()
		var batches, seen int
		last := time.Now()
		for {
			c, err := q.next(ctx, func(take func() dirty) zone.Changes {
				d := take()
				for key := range d.services {
					i, _ := strconv.Atoi(key.Name)
					if waited := time.Since(start) - time.Duration(i)*step; waited > interval {
						t.Errorf("%s waited %s", key, waited)
					}
				}
				return asRemoved(func() dirty { return d })
			})
			if err != nil {
				break
			}
			if pause := time.Since(last); batches > 0 && pause < interval {
				t.Errorf("batch %d came %s after the one before", batches, pause)
			}
			last = time.Now()
			batches++
			seen += len(c.Removed)
		}
		if seen != changes {
			t.Errorf("%d of %d changes came out", seen, changes)
		}
		if batches < 10 || batches > 12 {
			t.Errorf("%d batches in ten intervals", batches)
		}
	})
}

// The last change of a burst waits for a tenth of the interval only, but there is
// no more than one such batch between two that waited for the interval.
func TestQueueEndOfBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval, quiet = time.Second, time.Second / quietShare
		q := newQueue(interval)
		q.open()
		if _, err := q.next(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
		next := func(want time.Duration) {
			t.Helper()
			start := time.Now()
			if _, err := q.next(t.Context(), asRemoved); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); took != want {
				t.Errorf("handed out after %s, want %s", took, want)
			}
		}
		pass(time.Minute)
		q.touch(dirtyService("first"))
		next(0)
		q.touch(dirtyService("second"))
		for i := range 3 {
			time.AfterFunc(time.Duration(i+1)*quiet/2, func() { q.touch(dirtyService("last")) })
		}
		next(3*quiet/2 + quiet)
		q.touch(dirtyService("after a pause"))
		next(interval)
		q.touch(dirtyService("after another"))
		next(quiet)
		pass(time.Minute)
		q.touch(dirtyService("after quiet"))
		next(0)
		q.touch(dirtyService("and at once"))
		next(quiet)
	})
}

func TestQueueSkipsEmptyBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(time.Second)
		q.open()
		if _, err := q.next(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		q.touch(dirtyService("nothing"))
		time.AfterFunc(time.Millisecond, func() { q.touch(dirtyService("a")) })
		start := time.Now()
		c, err := q.next(t.Context(), func(take func() dirty) zone.Changes {
			d := take()
			if _, ok := d.services[zone.Key{Namespace: "ns", Name: "nothing"}]; ok {
				return zone.Changes{}
			}
			return asRemoved(func() dirty { return d })
		})
		if err != nil || len(c.Removed) != 1 || c.Removed[0].Name != "a" {
			t.Errorf("got %v, %v", c, err)
		}
		if took := time.Since(start); took != time.Millisecond {
			t.Errorf("an empty batch counted for the pace: %s", took)
		}
	})
}

func TestQueueErrorLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(time.Second)
		q.open()
		if _, err := q.next(t.Context(), nothing); err != nil {
			t.Fatal(err)
		}
		q.touch(dirtyService("a"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := q.next(ctx, asRemoved); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if c, err := q.next(t.Context(), asRemoved); err != nil || len(c.Removed) != 1 {
			t.Errorf("got %v, %v", c, err)
		}
	})
}

func TestQueueEndsWithItsContext(t *testing.T) {
	for name, prepare := range map[string]func(*queue){
		"incomplete": func(*queue) {},
		"quiet": func(q *queue) {
			q.open()
			_, _ = q.next(context.Background(), nothing)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := newQueue(time.Second)
				prepare(q)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				if _, err := q.next(ctx, asRemoved); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestQueueWithoutInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(0)
		q.open()
		start := time.Now()
		for range 100 {
			q.touch(dirtyService("a"))
			if _, err := q.next(t.Context(), asRemoved); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("took %s", took)
		}
	})
}
