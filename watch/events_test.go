package watch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/clusterset-dns/zonegen/zone"
)

// sink notes when an Event was written of which object.
type sink struct {
	mu      sync.Mutex
	at      []time.Time
	objects map[string]int
}

func (s *sink) Create(event *corev1.Event) (*corev1.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = append(s.at, time.Now())
	s.objects[event.InvolvedObject.Name]++
	return event, nil
}

func (s *sink) Update(event *corev1.Event) (*corev1.Event, error) { return s.Create(event) }

func (s *sink) Patch(event *corev1.Event, _ []byte) (*corev1.Event, error) { return s.Create(event) }

// Whatever is left out of however many services: telling it takes no time, few
// Events are written at a time, and client-go has nothing to complain about.
func TestEventsOfManyServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var l logs
		s := &sink{objects: map[string]int{}}
		e := newEvents(ctx, s)
		var problems []zone.Problem
		for i := range maxWaiting / 3 {
			for field := range 2 * maxEvents {
				problems = append(problems, zone.Problem{Key: zone.Key{Namespace: "ns", Name: fmt.Sprintf("s%05d", i)}, Field: fmt.Sprint(field)})
			}
		}
		synctest.Wait()
		start := time.Now()
		RouteKlog(l.logger(slog.LevelInfo))
		t.Cleanup(klog.ClearLogger)
		e.tell(problems)
		if took := time.Since(start); took != 0 {
			t.Errorf("telling took %s", took)
		}
		pass(time.Hour)
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.at); n < maxWaiting || n > maxWaiting+eventsAhead {
			t.Errorf("%d Events, want those that can wait, %d", n, maxWaiting)
		}
		for i, at := range s.at {
			if most := eventsAhead + 1 + eventRate*int(at.Sub(start)/time.Second+1); i+1 > most {
				t.Fatalf("%d Events after %s, want at most %d", i+1, at.Sub(start), most)
			}
		}
		for name, n := range s.objects {
			if n > maxEvents {
				t.Errorf("%d Events of %s", n, name)
			}
		}
		if s.objects["s00000"] != maxEvents {
			t.Errorf("%d Events of the first service, want %d", s.objects["s00000"], maxEvents)
		}
		if text := l.take(); text != "" {
			t.Errorf("the log says:\n%s", text)
		}
	})
}
