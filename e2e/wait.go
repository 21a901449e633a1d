package e2e

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	// patience is how long a test waits for what should take milliseconds, on a machine that is busy with others.
	patience = 60 * time.Second
	// pollInterval is the time between two looks at a condition.
	pollInterval = 10 * time.Millisecond
)

// eventually waits until condition returns nil, and fails the test with its last error if it never does.
func eventually(t testing.TB, what string, condition func() error) {
	t.Helper()
	if err := poll(patience, condition); err != nil {
		t.Fatalf("%s: not within %s: %v", what, patience, err)
	}
}

// throughout fails the test as soon as condition returns an error before that time is over.
func throughout(t testing.TB, during time.Duration, what string, condition func() error) {
	t.Helper()
	start := time.Now()
	err := wait.PollUntilContextTimeout(context.Background(), pollInterval, during, true,
		func(context.Context) (bool, error) { return false, condition() })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%s: no longer after %s: %v", what, time.Since(start).Round(time.Millisecond), err)
	}
}

// poll calls condition until it returns nil, or else returns its last error when the time is over.
func poll(within time.Duration, condition func() error) error {
	var last error
	err := wait.PollUntilContextTimeout(context.Background(), pollInterval, within, true,
		func(context.Context) (bool, error) {
			last = condition()
			return last == nil, nil
		})
	if err == nil {
		return nil
	}
	return last
}

// allTheWhile checks a condition again and again from now on, until the result is called or the test ends. If it does not
// hold once, the test fails.
func allTheWhile(t testing.TB, what string, condition func() error) (end func()) {
	t.Helper()
	wrong, stop := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(wrong)
		for {
			if err := condition(); err != nil {
				wrong <- err
				return
			}
			select {
			case <-stop:
				return
			case <-time.After(pollInterval):
			}
		}
	}()
	end = sync.OnceFunc(func() {
		close(stop)
		for err := range wrong {
			t.Errorf("not all the while: %s: %v", what, err)
		}
	})
	t.Cleanup(end)
	return end
}
