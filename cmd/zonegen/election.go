package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/klog/v2"
)

// The times of the Lease, which are those of Kubernetes' own controllers.
const (
	leaseDuration = 15 * time.Second
	renewDeadline = 10 * time.Second
	retryPeriod   = 2 * time.Second
)

// election is the election of the one replica that writes, by a Lease.
//
// Terms of two replicas can overlap, as when one of them was stopped for a while:
// the election saves writes, but whoever writes must find out about others.
type election struct {
	lock    *leaseLock
	elector *leaderelection.LeaderElector
	logger  *slog.Logger
	start   func() // takes part from now on
	leave   func() // gives up the Lease at once if it is ours
	changed chan struct{}

	mu       sync.Mutex
	term     context.Context // done when the present term is over; nil: this one does not lead
	withdraw func()          // ends the present candidacy or term
}

// newElection returns an election in which this process takes part once it has
// something to write. Requests of the first client must end within half the time
// that a leader has to renew the Lease, those of the second not at all. While there
// is a hindrance, this process begins no term; one that it has goes on.
func newElection(short, long coordinationclient.LeasesGetter, namespace, name string, logger *slog.Logger, hindrance func() string) (*election, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("the name of this host, for the Lease: %w", err)
	}
	e := &election{
		logger:   logger.With("lease", namespace+"/"+name),
		changed:  make(chan struct{}, 1),
		withdraw: func() {},
	}
	// The random part tells this process from one before it in the same container.
	e.lock = newLeaseLock(short, long, namespace, name, host+"-"+strings.ToLower(rand.Text()[:8]), e.logger, e.tell, hindrance)
	e.elector, err = leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: e.lock, Name: "zonegen", ReleaseOnCancel: true,
		LeaseDuration: leaseDuration, RenewDeadline: renewDeadline, RetryPeriod: retryPeriod,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: e.begin, OnStoppedLeading: e.end},
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	e.start = sync.OnceFunc(func() {
		go func() {
			defer close(ended)
			e.run(ctx)
		}()
	})
	e.leave = func() {
		cancel()
		e.start() // so that it ends
		select {
		case <-ended:
		case <-time.After(stopGrace): // nobody answers
		}
	}
	return e, nil
}

// run takes part until ctx is done.
func (e *election) run(ctx context.Context) {
	// What matters is said by leaseLock.
	quiet := klog.NewContext(ctx, logr.FromSlogHandler(asDebug{e.logger.Handler()}))
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { e.watch(ctx) })
	for ctx.Err() == nil {
		candidacy, cancel := context.WithCancel(quiet)
		e.mu.Lock()
		e.withdraw = cancel
		e.mu.Unlock()
		e.elector.Run(candidacy)
		cancel()
	}
}

// begin begins a term. The elector calls it from a goroutine of its own, so it may
// come after the end.
func (e *election) begin(term context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if term.Err() == nil {
		e.term = term
		e.logger.Info("leading", "identity", e.lock.Identity())
		e.tell()
	}
}

// end ends a term, or a candidacy without one.
func (e *election) end() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.term != nil {
		e.term = nil
		e.logger.Info("no longer leading", "identity", e.lock.Identity())
		e.tell()
	}
}

// tell tells of a term that begins or ends, or of another reason for standing by.
func (e *election) tell() {
	select {
	case e.changed <- struct{}{}:
	default:
	}
}

// leading returns the present term, which is done when it is over; nil while
// another replica leads.
func (e *election) leading() context.Context {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.term
}

// resign ends a term, if it is the present one, and stands again.
func (e *election) resign(term context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.term == term {
		e.withdraw()
	}
}

// unwatched is how long it takes until a Lease is watched again that may not be
// watched.
const unwatched = time.Minute

// expiryMargin is how much later than leaseDuration after the last sign of life a
// Lease is tried: the elector has seen that a bit later.
const expiryMargin = 250 * time.Millisecond

// watch makes the elector look at the Lease whenever it changes, and when it has
// run out; by itself it looks every few seconds. So another leader follows at once
// when the Lease is given up, and else when its time is over. Each renewal has it look
// too, and begin its own wait anew: together it reads as often as without.
func (e *election) watch(ctx context.Context) {
	told := false
	for ctx.Err() == nil {
		err := e.watchOnce(ctx)
		pause := retryPeriod
		if apierrors.IsForbidden(err) {
			pause = unwatched
			if !told {
				e.logger.Info("the Lease cannot be watched: when a leader ends, another one follows some seconds later", "error", e.lock.fail("watch", err))
			}
			told = true
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// watchOnce watches until the API ends that, as it does every few minutes.
func (e *election) watchOnce(ctx context.Context) error {
	// It begins with the Lease as it is.
	w, err := e.lock.long.Watch(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, e.lock.LeaseMeta.Name).String()})
	if err != nil {
		return err
	}
	defer w.Stop()
	expired := time.NewTimer(leaseDuration + expiryMargin)
	defer expired.Stop()
	for {
		select {
		case event, ok := <-w.ResultChan():
			if !ok {
				return nil
			}
			lease, ok := event.Object.(*coordinationv1.Lease)
			if !ok {
				return apierrors.FromObject(event.Object)
			}
			expired.Reset(leaseDuration + expiryMargin)
			if event.Type != watch.Deleted && holder(lease) == e.lock.Identity() {
				continue // our own doing
			}
		case <-expired.C:
			expired.Reset(time.Second) // if that was too early
		case <-ctx.Done():
			return nil
		}
		e.look()
	}
}

// look makes a candidate look at the Lease now.
func (e *election) look() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.term == nil {
		e.withdraw() // and stand again
	}
}

func holder(lease *coordinationv1.Lease) string {
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

// errNotLeading says that another replica has the Lease.
var errNotLeading = errors.New("another replica leads")

// confirm asks the API whether this replica has the Lease. Its error wraps
// errNotLeading if not.
func (e *election) confirm(ctx context.Context) error {
	lease, err := e.lock.short.Get(ctx, e.lock.LeaseMeta.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return fmt.Errorf("%w, or will: the Lease is gone", errNotLeading)
	case err != nil:
		return e.lock.fail("get", err)
	case holder(lease) != e.lock.Identity():
		return fmt.Errorf("%w: %q", errNotLeading, holder(lease))
	}
	return nil
}

// asDebug makes debug output of all that is logged.
type asDebug struct{ slog.Handler }

// Enabled implements [slog.Handler].
func (h asDebug) Enabled(ctx context.Context, _ slog.Level) bool {
	return h.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle implements [slog.Handler].
func (h asDebug) Handle(ctx context.Context, record slog.Record) error {
	record.Level = slog.LevelDebug
	if !h.Handler.Enabled(ctx, record.Level) {
		return nil // logr does not ask for errors
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h asDebug) WithAttrs(attrs []slog.Attr) slog.Handler {
	return asDebug{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h asDebug) WithGroup(name string) slog.Handler { return asDebug{h.Handler.WithGroup(name)} }
