package watch

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/tools/record/util"
	"k8s.io/client-go/util/flowcontrol"
	"sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/clusterset-dns/zonegen/zone"
)

// The reasons of our Events, as kubectl shows them.
const (
	reasonLeftOut = "LeftOut"
	reasonHeld    = "DeletionHeld"
)

// maxEvents is how many Events one service gets at a time. The log has the rest.
const maxEvents = 10

// eventTimeout bounds each request for an Event.
const eventTimeout = 10 * time.Second

// moreLeftOut is the text of the Event that stands for all the further ones of
// a service. It is always the same, and so they are one, see [eventSink.complete].
const moreLeftOut = "more is left out; the log of zonegen tells all"

// maxWaiting is how many Events of all services wait to be written; what does not
// fit is dropped. They are written at a rate that the API does not feel, in Events
// per second, after the first few.
const (
	maxWaiting  = 1000
	eventRate   = 5
	eventsAhead = 20 // client-go loses some of 25 at once, and says so of each
)

// events writes Events on ServiceImports. client-go aggregates those that are
// alike and limits their rate for each object.
type events struct {
	recorder record.EventRecorder
	waiting  chan event
}

// event is a warning about a ServiceImport.
type event struct {
	about           zone.Key
	reason, message string
}

func newEvents(ctx context.Context, sink record.EventSink) *events {
	b := record.NewBroadcaster(record.WithContext(ctx), record.WithCorrelatorOptions(record.CorrelatorOptions{
		MessageFunc: func(*corev1.Event) string { return moreLeftOut },
	}))
	b.StartRecordingToSink(sink)
	e := &events{
		recorder: b.NewRecorder(runtime.NewScheme(), corev1.EventSource{Component: "zonegen"}),
		waiting:  make(chan event, maxWaiting),
	}
	go e.run(ctx)
	return e
}

// run writes Events until ctx is done.
func (e *events) run(ctx context.Context) {
	limit := flowcontrol.NewTokenBucketRateLimiter(eventRate, eventsAhead)
	for limit.Wait(ctx) == nil {
		select {
		case w := <-e.waiting:
			e.recorder.Event(&corev1.ObjectReference{
				APIVersion: v1beta1.GroupVersion.String(), Kind: v1beta1.ServiceImportKindName,
				Namespace: w.about.Namespace, Name: w.about.Name,
			}, corev1.EventTypeWarning, w.reason, w.message)
		case <-ctx.Done():
			return
		}
	}
}

// tell has an Event written for each problem of a service. It does not wait.
func (e *events) tell(problems []zone.Problem) {
	written := make(map[zone.Key]int)
	// In an order of their own, so that the next run tells the same ones.
	for _, p := range slices.SortedFunc(slices.Values(problems), compareProblems) {
		if p.Name == "" {
			continue // a namespace, which is no object of ours
		}
		if written[p.Key]++; written[p.Key] > maxEvents {
			continue
		}
		e.write(event{p.Key, reasonLeftOut, fmt.Sprintf("%s %+q: %s", p.Field, p.Value, p.Message)})
	}
}

// write has an Event written unless too many wait.
func (e *events) write(w event) {
	select {
	case e.waiting <- w:
	default:
	}
}

func compareProblems(a, b zone.Problem) int {
	return cmp.Or(compareKeys(a.Key, b.Key), strings.Compare(a.Field, b.Field), strings.Compare(a.Value, b.Value))
}

// Tell implements [Source]: it writes Events on the ServiceImports. Lacking the
// permission is no failure; the log says so once.
func (k *Kubernetes) Tell(problems []zone.Problem) {
	if len(problems) > 0 {
		k.events().tell(problems)
	}
}

// TellHeld implements [Source]: it writes Events on ServiceImports, which may be gone.
// They are found in their namespaces.
func (k *Kubernetes) TellHeld(lost []zone.Key, message string) {
	for _, key := range lost {
		k.events().write(event{key, reasonHeld, message})
	}
}

// TellHeld implements [Source].
func (m *Manifests) TellHeld([]zone.Key, string) {}

// Tell implements [Source]. There is no place in a manifest to tell anything.
func (m *Manifests) Tell([]zone.Problem) {}

// eventSink stores Events, with what kubectl describe needs to find them: the UID
// of their object. What an earlier run has told it does not tell again: it finds
// the Event by its name, and says that it holds still. That is a write for each, but
// the API server drops an Event an hour after the last one.
type eventSink struct {
	k       *Kubernetes
	client  coreclient.EventsGetter
	refused sync.Once
}

var _ record.EventSink = (*eventSink)(nil)

// Create implements [record.EventSink].
func (s *eventSink) Create(event *corev1.Event) (*corev1.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), eventTimeout)
	defer cancel()
	s.complete(ctx, event)
	client := s.client.Events(event.Namespace)
	stored, err := client.CreateWithEventNamespaceWithContext(ctx, event)
	if !apierrors.IsAlreadyExists(err) {
		return s.judge("create", event, stored, err)
	}
	now := fmt.Appendf(nil, `{"lastTimestamp":%q}`, event.LastTimestamp.UTC().Format(time.RFC3339))
	stored, err = client.PatchWithEventNamespaceWithContext(ctx, event, now)
	return s.judge("patch", event, stored, err)
}

// Update implements [record.EventSink].
func (s *eventSink) Update(event *corev1.Event) (*corev1.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), eventTimeout)
	defer cancel()
	s.complete(ctx, event)
	stored, err := s.client.Events(event.Namespace).UpdateWithEventNamespaceWithContext(ctx, event)
	return s.judge("update", event, stored, err)
}

// Patch implements [record.EventSink].
func (s *eventSink) Patch(event *corev1.Event, data []byte) (*corev1.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), eventTimeout)
	defer cancel()
	s.complete(ctx, event)
	stored, err := s.client.Events(event.Namespace).PatchWithEventNamespaceWithContext(ctx, event, data)
	return s.judge("patch", event, stored, err)
}

// complete completes an Event: the reference to its object, and a name that
// depends on the object and the text only. client-go's depends on the time.
func (s *eventSink) complete(ctx context.Context, event *corev1.Event) {
	s.identify(ctx, event)
	hash := fnv.New64a()
	_, _ = fmt.Fprint(hash, event.InvolvedObject.UID, "\n", event.Message) // never fails
	event.Name = util.GenerateEventName(event.InvolvedObject.Name, int64(hash.Sum64()>>1))
}

// identify completes the reference to a ServiceImport, if that is still there. It
// takes a list, because that is all that zonegen may do.
func (s *eventSink) identify(ctx context.Context, event *corev1.Event) {
	object := &event.InvolvedObject
	one := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, object.Name).String()}
	if beta, err := s.k.mcs.MulticlusterV1beta1().ServiceImports(object.Namespace).List(ctx, one); err == nil {
		if len(beta.Items) == 1 {
			object.UID = beta.Items[0].UID
		}
		return
	}
	alpha, err := s.k.mcs.MulticlusterV1alpha1().ServiceImports(object.Namespace).List(ctx, one)
	if err == nil && len(alpha.Items) == 1 {
		object.APIVersion, object.UID = v1alpha1.GroupVersion.String(), alpha.Items[0].UID
	}
}

// judge keeps from client-go that we may not write Events, which it would log
// for each of them. A namespace that is being deleted takes no Events either,
// but that it knows.
func (s *eventSink) judge(verb string, event, stored *corev1.Event, err error) (*corev1.Event, error) {
	if !apierrors.IsForbidden(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return stored, err
	}
	s.refused.Do(func() {
		p := forbidden(err, verb, corev1.Resource("events"))
		s.k.logger.LogAttrs(context.Background(), slog.LevelInfo, "no Events are written on ServiceImports", slog.String("problem", p.text))
	})
	return event, nil
}
