package e2e

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// fakeT stands for a test that is to fail: it notes the failures.
type fakeT struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (f *fakeT) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failures = append(f.failures, fmt.Sprintf(format, args...))
}

func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	runtime.Goexit()
}

func (f *fakeT) Error(args ...any) { f.Errorf("%s", fmt.Sprint(args...)) }

func (f *fakeT) Fatal(args ...any) { f.Fatalf("%s", fmt.Sprint(args...)) }

func (f *fakeT) Cleanup(cleanup func()) { f.cleanups = append(f.cleanups, cleanup) }

// failures runs test and its cleanups and returns how it failed.
func failures(t *testing.T, test func(testing.TB)) string {
	f := &fakeT{TB: t}
	var wg sync.WaitGroup
	wg.Go(func() { test(f) })
	wg.Wait()
	for _, cleanup := range f.cleanups {
		cleanup()
	}
	return strings.Join(f.failures, "\n")
}
