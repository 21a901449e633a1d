package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// eventsOf returns the names of the Events on an object, in order, and when the first and the last of them were told.
func (a *apiServer) eventsOf(t testing.TB, namespace, name string) (names []string, first, last time.Time) {
	t.Helper()
	var all corev1.EventList
	if err := a.List(t.Context(), &all, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	for _, e := range all.Items {
		if e.InvolvedObject.Name != name {
			continue
		}
		names = append(names, e.Name)
		if at := e.LastTimestamp.Time; first.IsZero() || at.Before(first) {
			first = at
		}
		if at := e.LastTimestamp.Time; at.After(last) {
			last = at
		}
	}
	slices.Sort(names)
	return names, first, last
}

// TestEventsRestart drops much of a ServiceImport, starts zonegen again, and then a second one: the Events are few, and
// stay the same.
func TestEventsRestart(t *testing.T) {
	api := sharedAPI(t)
	ns := api.newNamespace(t, "events-")
	many := headlessImport(ns, "many", importPort("http", corev1.ProtocolTCP, 80))
	api.create(t, many)
	for i := range 40 {
		slice := endpointSlice(many, "east", readyEndpoint("", fmt.Sprintf("10.7.0.%d", i)))
		slice.Labels[mcsv1beta1.LabelSourceCluster] = fmt.Sprintf("no_label_%d", i)
		api.create(t, slice)
	}
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	d.eventually("it is said that more is left out", func() error {
		if !strings.Contains(api.kubectl(t, "describe", "serviceimport", "-n", ns, "many"), "more is left out") {
			return errors.New("not yet")
		}
		return nil
	})
	names, _, last := api.eventsOf(t, ns, "many")
	if len(names) < 5 || len(names) > 10 {
		t.Errorf("40 values of one service are left out: %d Events", len(names))
	}
	for what, again := range map[string]func(){
		"a restart":        func() { d.stop(); d.restart() },
		"a second replica": func() { runZonegen(t, api.kubeconfig(t)) },
	} {
		eventually(t, "another second", func() error { // that is how exact Events are
			if time.Now().Truncate(time.Second).After(last) {
				return nil
			}
			return errors.New("the same")
		})
		again()
		var now []string
		d.eventually("all Events are told again", func() error {
			var oldest, newest time.Time
			if now, oldest, newest = api.eventsOf(t, ns, "many"); !oldest.After(last) {
				return fmt.Errorf("one was told last at %s", oldest)
			}
			last = newest
			return nil
		})
		if !slices.Equal(now, names) {
			t.Errorf("after %s the Events are %q, before %q", what, now, names)
		}
	}
}

// TestEventsTerminating drops input in a namespace that is being deleted, where nothing can be created any more: that is
// no lack of permission, and other namespaces get their Events.
func TestEventsTerminating(t *testing.T) {
	api := sharedAPI(t)
	ns, other := api.newNamespace(t, "events-"), api.newNamespace(t, "events-")
	dying, living := clusterSetIPImport(ns, "a", []string{"10.1.0.1"}), clusterSetIPImport(other, "a", []string{"10.1.0.2"})
	api.create(t, dying, living)
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	if err := api.Delete(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}); err != nil {
		t.Fatal(err)
	}
	api.modify(t, dying, func() { dying.Spec.IPs = []string{"none"} })
	d.waitOutput(`left out.*` + ns)
	api.modify(t, living, func() { living.Spec.IPs = []string{"none"} })
	d.eventually("the other namespace has an Event", func() error {
		if names, _, _ := api.eventsOf(t, other, "a"); len(names) != 1 {
			return fmt.Errorf("%d Events", len(names))
		}
		return nil
	})
	if strings.Contains(d.output(), "no Events are written") {
		t.Error("it says that a permission is missing")
	}
}
