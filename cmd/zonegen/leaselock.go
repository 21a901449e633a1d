package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/clusterset-dns/zonegen/internal/remedy"
	"github.com/clusterset-dns/zonegen/zone"
)

// leaseLock is client-go's, and says what hinders it, and who leads.
type leaseLock struct {
	resourcelock.LeaseLock
	short, long coordinationclient.LeaseInterface
	logger      *slog.Logger
	tell        func() // that what follows has changed
	// hindrance says why this one should not begin to lead; nothing if it may.
	hindrance func() string

	mu      sync.Mutex
	leader  string    // the one seen last
	problem string    // of the last request
	told    time.Time // when the log was told of the problem
	// hindered is why this one did not take the Lease when it could have.
	hindered string
	// serial is the newest that is known to have been published, 0 if none is.
	serial uint32
}

// serialLabel of the Lease is a serial that none was newer than when it was renewed.
// It is used when the ConfigMap is gone.
const serialLabel = "zonegen.clusterset-dns.github.io/serial"

// serialMargin is more serials than are published from one renewal to the next.
const serialMargin = 3600

func newLeaseLock(short, long coordinationclient.LeasesGetter, namespace, name, identity string, logger *slog.Logger, tell func(), hindrance func() string) *leaseLock {
	return &leaseLock{
		LeaseLock: resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
			Client:     short,
			LockConfig: resourcelock.ResourceLockConfig{Identity: identity},
		},
		short:  short.Leases(namespace),
		long:   long.Leases(namespace),
		logger: logger,
		tell:   tell,

		hindrance: hindrance,
	}
}

// Get implements [resourcelock.Interface].
func (l *leaseLock) Get(ctx context.Context) (*resourcelock.LeaderElectionRecord, []byte, error) {
	record, raw, err := l.LeaseLock.Get(ctx)
	if err == nil {
		l.saw(record.HolderIdentity)
	} else if !apierrors.IsNotFound(err) { // then it is created
		l.judge(ctx, "get", err)
	}
	return record, raw, err
}

// Create implements [resourcelock.Interface].
func (l *leaseLock) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	if err := l.mayLead(); err != nil {
		return err
	}
	l.label()
	err := l.LeaseLock.Create(ctx, record)
	if err == nil {
		l.saw(record.HolderIdentity)
	} else if !apierrors.IsAlreadyExists(err) { // another one was quicker
		l.judge(ctx, "create", err)
	}
	return err
}

// Update implements [resourcelock.Interface].
func (l *leaseLock) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	// A leader that was stopped for a while, or cut off, would give up the Lease of
	// the one that has followed it: client-go reads the Lease anew and does not look
	// whose it is.
	leader, _ := l.state()
	switch {
	case leader == l.Identity():
	case record.HolderIdentity == "":
		return fmt.Errorf("%w: %q", errNotLeading, leader)
	default:
		if err := l.mayLead(); err != nil {
			return err
		}
		if err := l.inherit(ctx); err != nil {
			l.judge(ctx, "get", err)
			return err
		}
	}
	l.label()
	err := l.LeaseLock.Update(ctx, record)
	if err == nil {
		l.saw(record.HolderIdentity)
	} else if !apierrors.IsConflict(err) { // another one was quicker
		l.judge(ctx, "update", err)
	}
	return err
}

// label gives the Lease the label that it is to have.
func (l *leaseLock) label() {
	l.mu.Lock()
	defer l.mu.Unlock()
	// Whoever publishes the next moment begins with the clock.
	serial := zone.NextSerial(l.serial, time.Now())
	l.Labels = map[string]string{serialLabel: strconv.FormatUint(uint64(serial), 10)}
}

// inherit learns from the Lease what another leader has published.
func (l *leaseLock) inherit(ctx context.Context) error {
	lease, err := l.short.Get(ctx, l.LeaseMeta.Name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if serial, err := strconv.ParseUint(lease.Labels[serialLabel], 10, 32); err == nil {
		l.published(uint32(serial))
	}
	return nil
}

// published notes a serial.
func (l *leaseLock) published(serial uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.serial == 0 || zone.SerialLess(l.serial, serial) {
		l.serial = serial
	}
}

// possibleSerial is one that nobody can have published a newer one than; 0 if none
// is known.
func (l *leaseLock) possibleSerial() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.serial == 0 {
		return 0
	}
	return l.serial + serialMargin
}

// mayLead returns an error, and notes it, if there is a hindrance.
func (l *leaseLock) mayLead() error {
	cause := l.hindrance()
	l.mu.Lock()
	defer l.mu.Unlock()
	if cause != l.hindered {
		l.hindered = cause
		if cause != "" {
			l.logger.Warn("not taking the Lease, though nobody leads", "cause", cause)
		}
		l.tell()
	}
	if cause != "" {
		return errors.New(cause)
	}
	return nil
}

// state is who leads and what hinders the election, where it is known.
func (l *leaseLock) state() (leader, problem string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.problem == "" && l.hindered != "" {
		return l.leader, l.hindrance()
	}
	return l.leader, l.problem
}

// saw notes who leads.
func (l *leaseLock) saw(leader string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.problem != "" {
		l.logger.Info("the Lease can be used again")
	}
	if l.problem != "" || l.leader != leader {
		if leader != "" {
			l.hindered = "" // there is somebody
		}
		l.problem, l.leader = "", leader
		l.tell()
	}
}

// judge notes what was wrong with a request. The log is told of it if it is new or
// some time has passed.
func (l *leaseLock) judge(ctx context.Context, verb string, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return
	}
	err = l.fail(verb, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if text := err.Error(); text != l.problem {
		l.problem, l.told = text, time.Time{}
		l.tell()
	}
	if now := time.Now(); now.Sub(l.told) >= repeatAfter {
		l.told = now
		l.logger.Warn("the election of a leader fails; trying again", "error", err)
	}
}

// fail says of a failed request what it was, why it failed and what mends it.
func (l *leaseLock) fail(verb string, err error) error {
	right := remedy.Right{
		Role: "zonegen-leases", Resource: coordinationv1.Resource("leases"), Verbs: []string{"get", "create", "update", "watch"},
		Namespace: l.LeaseMeta.Namespace, Name: l.LeaseMeta.Name,
	}
	if mend := right.Of(verb, err); mend != "" {
		return fmt.Errorf("%s lease %s: %w; %s", verb, l.Describe(), err, mend)
	}
	return fmt.Errorf("%s lease %s: %w", verb, l.Describe(), err)
}
