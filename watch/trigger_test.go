package watch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/clusterset-dns/zonegen/zone"
)

func TestTriggerOf(t *testing.T) {
	created := time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC)
	for note, want := range map[string]time.Time{
		"":                               {},
		"yesterday":                      {},
		"2026-11-22T15:00:00.25Z":        created.Add(250 * time.Millisecond),
		"2026-11-22T16:00:07.000001Z":    created.Add(time.Hour + 7*time.Second + time.Microsecond),
		"2026-11-22T17:00:07+01:00":      created.Add(time.Hour + 7*time.Second),
		"2020-01-01T00:00:00Z":           created,
		"0001-01-01T00:00:00Z":           created,
		"2026-11-22T16:00:07Z and more":  {},
		"2026-11-22T16:00:07Z\n# HELP x": {},
	} {
		in := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(created)}}
		if note != "" {
			in.Annotations = map[string]string{corev1.EndpointsLastChangeTriggerTime: note}
		}
		o, err := stripSlice(in)
		if err != nil {
			t.Fatal(err)
		}
		if newSlice(in).triggered != 0 {
			t.Error("the note counts in a manifest, too")
		}
		if got := o.trigger(nil); !got.Equal(want) {
			t.Errorf("%q: %s, want %s", note, got, want)
		}
	}
}

// A change counts from its trigger once, if it is one: not what was there before
// we were, not what changes nothing, not with the note of an earlier change, not
// what belongs to no service. Of several the first.
func TestTriggers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(0)
		s := newStore(q, (&logs{}).logger(0))
		put := func(name, service, address string, trigger time.Time) {
			o := testSlice(name, service, address)
			if !trigger.IsZero() {
				o.triggered = trigger.UnixMicro()
			}
			s.update(func() { s.putSlice(o) })
		}
		want := func(what string, triggers ...time.Time) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			c, _ := q.next(ctx, s.changes)
			same := len(c.Triggers) == len(triggers)
			for i := 0; same && i < len(triggers); i++ {
				same = c.Triggers[i].Type == zone.ClusterSetIP && c.Triggers[i].At.Equal(triggers[i])
			}
			if !same {
				t.Errorf("%s: %v, want %v", what, c.Triggers, triggers)
			}
		}
		now := func() time.Time { pass(time.Minute); return time.Now() }

		start := now()
		s.update(func() { s.putImport(testImport("a", "1")) })
		put("x", "a", "10.0.0.1", start)
		now()
		q.open()
		want("the first state")

		put("x", "a", "10.0.0.2", start)
		want("an old note")
		put("x", "a", "10.0.0.3", start.Add(time.Second))
		want("from before the first state")
		one, two := now(), now()
		put("x", "a", "10.0.0.3", one)
		want("no change")
		put("x", "a", "10.0.0.4", one)
		want("the note of what was no change")
		put("x", "a", "10.0.0.5", two)
		want("a change", two)
		put("x", "a", "10.0.0.6", two)
		want("the same note")
		put("x", "a", "10.0.0.7", time.Time{})
		want("no note")
		three, four := now(), now()
		put("x", "a", "10.0.0.8", four)
		put("y", "a", "10.0.1.1", three)
		put("w", "a", "10.0.3.1", four)
		put("z", "a", "10.0.2.1", time.Time{})
		s.update(func() { s.putImport(testImport("a", "2")) })
		want("several", three)
		put("n", "nobody", "10.0.3.1", now())
		want("slices without a service")
		five := now()
		s.update(func() { s.putImport(testImport("b", "1")) })
		put("y", "b", "10.0.1.1", five)
		want("another service", five)
		s.update(func() { s.dropSlice(testSlice("y", "b", "").id) })
		want("a slice that is gone")
	})
}
