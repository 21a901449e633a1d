package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestWaits(t *testing.T) {
	n := 0
	eventually(t, "three", func() error {
		if n++; n < 3 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	if err := poll(50*time.Millisecond, func() error { return os.ErrNotExist }); err != os.ErrNotExist {
		t.Errorf("got %v, want the last error of the condition", err)
	}
	throughout(t, 50*time.Millisecond, "nothing happens", func() error { return nil })
	got := failures(t, func(t testing.TB) {
		throughout(t, patience, "nothing happens", func() error { return context.Canceled })
	})
	if want := "nothing happens: no longer after 0s: context canceled"; got != want {
		t.Errorf("the test fails with %q, want %q", got, want)
	}
}
