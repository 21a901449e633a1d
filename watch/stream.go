package watch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/watch"
)

const (
	// unanswered is how long the API server may take to begin a watch. By its own
	// priority and fairness, a request waits for a quarter of a minute at most.
	unanswered = 30 * time.Second
	// silence is how long a watch may tell nothing. About once a minute the API
	// server tells that there is nothing, but only if etcd has told it so.
	silence = 3 * time.Minute
	// shortest is how long a watch lasts at least if it is us who end it: client-go
	// lists anew after one that told nothing in less than a second, beginning with its
	// list if it has one.
	shortest = time.Second + 100*time.Millisecond
)

// stream is a watch that ends, as if the server had ended it, when the server is
// silent for long or cut is called. What stands between may hang and keep the
// connection; then there is no error, and the server's end is not heard of.
type stream struct {
	events chan watch.Event
	began  time.Time
	done   chan struct{}
	stop   func() // closes done
}

// begin begins a watch.
func begin(ctx context.Context, open func(context.Context) (watch.Interface, error)) (*stream, error) {
	request, cancel := context.WithCancel(ctx)
	late := time.AfterFunc(unanswered, cancel)
	w, err := open(request)
	if err != nil {
		if !late.Stop() && ctx.Err() == nil {
			err = fmt.Errorf("the watch was not answered within %s: %w", unanswered, context.DeadlineExceeded)
		}
		cancel()
		return nil, err
	}
	late.Stop()
	s := &stream{events: make(chan watch.Event), began: time.Now(), done: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.done) })
	go func() {
		defer close(s.events)
		defer cancel()
		defer w.Stop() // when nobody reads its events any more: that it was stopped would be an error among them
		s.copy(w.ResultChan())
	}()
	return s, nil
}

// copy copies events until there are no more, or none has come for long, or s is stopped.
func (s *stream) copy(from <-chan watch.Event) {
	idle := time.NewTimer(silence)
	defer idle.Stop()
	for {
		select {
		case event, ok := <-from:
			if !ok {
				return
			}
			select {
			case s.events <- event:
			case <-s.done:
				return
			}
			idle.Reset(silence)
		case <-idle.C:
			return
		case <-s.done:
			return
		}
	}
}

// cut ends the watch, or has it end soon. The last list was complete at that time.
func (s *stream) cut(list time.Time) {
	time.AfterFunc(shortest-min(time.Since(s.began), time.Since(list)), s.stop)
}

// ResultChan implements [watch.Interface].
func (s *stream) ResultChan() <-chan watch.Event { return s.events }

// Stop implements [watch.Interface].
func (s *stream) Stop() { s.stop() }
