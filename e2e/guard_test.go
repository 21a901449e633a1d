package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// guarded is a clusterset with so many services that most of them do not go at once unless by accident.
type guarded struct {
	t          testing.TB
	api        *apiServer
	namespaces []string
}

const guardedServices = 40 // in two namespaces

// heldServices is the metric of the folder's publisher.
const heldServices = `zonegen_held_services{publisher="folder"}`

func newGuarded(t testing.TB) *guarded {
	t.Helper()
	g := &guarded{t: t, api: privateAPI(t, "v1alpha1", "v1beta1")}
	g.namespaces = []string{g.api.newNamespace(t, "east"), g.api.newNamespace(t, "west")}
	g.create()
	return g
}

// create creates all services.
func (g *guarded) create() {
	g.t.Helper()
	for i := range guardedServices {
		g.api.create(g.t, clusterSetIPImport(g.namespaces[i%2], fmt.Sprintf("s%d", i), []string{fmt.Sprintf("10.1.0.%d", i+1)}))
	}
}

// empty deletes all of them.
func (g *guarded) empty() {
	g.t.Helper()
	for _, ns := range g.namespaces {
		if err := g.api.DeleteAllOf(g.t.Context(), new(mcsv1beta1.ServiceImport), client.InNamespace(ns)); err != nil {
			g.t.Fatal(err)
		}
	}
}

// count counts them in a zone.
func (g *guarded) count(text string) int {
	n := 0
	for i := range guardedServices {
		if strings.Contains(text, fmt.Sprintf("$ORIGIN s%d.%s.svc.%s\n", i, g.namespaces[i%2], clusterset)) {
			n++
		}
	}
	return n
}

// has returns an error unless the zone file has so many of them.
func (g *guarded) has(d *daemon, want int) error {
	g.t.Helper()
	if n := g.count(readFile(g.t, d.file(clusterset))); n != want {
		return fmt.Errorf("%d services are published, want %d", n, want)
	}
	return nil
}

// TestGuard deletes all services at once: most records stay, and it is said where operators look. What comes back is
// as if it had never been away, everything else goes on meanwhile, and in the end the loss is believed.
func TestGuard(t *testing.T) {
	g := newGuarded(t)
	d := runZonegen(t, g.api.kubeconfig(t), "--deletion-guard=30%", "--deletion-guard-hold=1h")
	d.ready()
	port := servers(t, d.zones, clusterset)["file"]
	last := fmt.Sprintf("s%d.%s.%s", guardedServices-1, g.namespaces[1], svc) // deleted last
	serves := func() error { return answers(t, port, last, fmt.Sprintf("A 10.1.0.%d", guardedServices)) }
	eventually(t, "the services are served", serves)

	g.empty()
	d.waitOutput(`msg="holding back a loss of services".* limit=30% for=1h0m0s`)
	d.eventually("most services are held, and those published", func() error {
		held, err := d.value(heldServices)
		if err != nil || held < guardedServices*0.7 {
			return fmt.Errorf("%v are held: %w", held, err)
		}
		return g.has(d, int(held))
	})
	if text := d.waitHTTP(d.http+"/readyz", http.StatusOK); !strings.HasPrefix(text, "ok\nholding back a loss: ") {
		t.Errorf("/readyz says %q", text)
	}
	other := clusterSetIPImport(g.namespaces[0], "other", []string{"10.2.0.1"})
	g.api.create(t, other)
	eventually(t, "a new service is served", func() error {
		return answers(t, port, "other."+g.namespaces[0]+"."+svc, "A 10.2.0.1")
	})
	if err := serves(); err != nil {
		t.Error(err)
	}
	for _, ns := range g.namespaces[1:] { // what was believed may be all that was in the first one
		eventually(t, "there is an Event", func() error {
			var events corev1.EventList
			if err := g.api.List(t.Context(), &events, client.InNamespace(ns)); err != nil {
				return err
			}
			for _, e := range events.Items {
				if e.Reason == "DeletionHeld" && e.InvolvedObject.Kind == "ServiceImport" && strings.Contains(e.Message, "stay for 1h0m0s") {
					return nil
				}
			}
			return fmt.Errorf("not among %d", len(events.Items))
		})
	}

	g.create()
	d.waitValue(heldServices, equals(0))
	eventually(t, "all services are published", func() error { return g.has(d, guardedServices) })
	if text := d.waitHTTP(d.http+"/readyz", http.StatusOK); text != "ok\n" {
		t.Errorf("/readyz says %q", text)
	}
	d.stop()

	brief := runZonegen(t, g.api.kubeconfig(t), "--deletion-guard-hold=10s", "--deletion-guard=30")
	brief.ready()
	g.empty()
	brief.waitOutput(`msg="holding back a loss of services"`)
	brief.waitOutput(`msg="a loss of services has lasted and is believed"`)
	eventually(t, "the loss is published", func() error { return g.has(brief, 0) })
}

// TestGuardOverRestart starts zonegen where there are good zones, in a folder and a ConfigMap, and the API answers with
// empty lists: all zones stay, and the replica is ready. It is the same for one that takes the lead.
func TestGuardOverRestart(t *testing.T) {
	g := newGuarded(t)
	for _, args := range [][]string{nil, {"--layout=chunked"}} {
		name := "zones-" + fmt.Sprint(len(args))
		args = append(args, "--deletion-guard=30%", "--deletion-guard-hold=1h", "--configmap", g.namespaces[0]+"/"+name)
		d := runZonegen(t, g.api.kubeconfig(t), args...)
		d.ready()
		d.stop()
		before := make(map[string]string)
		for _, origin := range allZones {
			before[origin] = readFile(t, d.file(origin))
		}
		zones := &corev1.ConfigMap{}
		zones.Namespace, zones.Name = g.namespaces[0], name
		inConfigMap := func(want int) error {
			if err := g.api.Get(t.Context(), client.ObjectKeyFromObject(zones), zones); err != nil {
				return err
			}
			if n := g.count(zones.Data["db.clusterset.local"]); n != want {
				return fmt.Errorf("%d services are in the ConfigMap, want %d", n, want)
			}
			return nil
		}

		g.empty()
		d.restart()
		d.ready()
		for _, publisher := range []string{"folder", "configmap"} {
			d.waitValue(fmt.Sprintf("zonegen_held_services{publisher=%q}", publisher), equals(guardedServices))
		}
		text := d.waitHTTP(d.http+"/readyz", http.StatusOK)
		if want := fmt.Sprintf("holding back a loss: %d of %[1]d services are gone; what is in place stays until", guardedServices); strings.Count(text, want) != 2 {
			t.Errorf("/readyz says %q", text)
		}
		throughout(t, time.Second, "the zones stay", func() error {
			for origin, text := range before {
				if readFile(t, d.file(origin)) != text {
					return errors.New(origin + " has changed")
				}
			}
			return inConfigMap(guardedServices)
		})
		second := runZonegen(t, g.api.kubeconfig(t), args...)
		second.ready()
		d.stop()
		second.waitValue(`zonegen_held_services{publisher="configmap"}`, equals(guardedServices))
		if err := inConfigMap(guardedServices); err != nil {
			t.Error(err)
		}
		g.create()
		second.waitValue(`zonegen_held_services{publisher="configmap"}`, equals(0))
		eventually(t, "all services are in the ConfigMap", func() error { return inConfigMap(guardedServices) })
		second.stop()
	}
}

// TestGuardCRD deletes the CRD, which deletes all services, and installs it again: the services stay while it is away,
// and are those of the new API afterwards.
func TestGuardCRD(t *testing.T) {
	g := newGuarded(t)
	d := runZonegen(t, g.api.kubeconfig(t), "--deletion-guard=30%", "--deletion-guard-hold=1h")
	d.ready()
	port := servers(t, d.zones, clusterset)["file"]
	last := fmt.Sprintf("s%d.%s.%s", guardedServices-1, g.namespaces[1], svc)
	serves := func() error { return answers(t, port, last, fmt.Sprintf("A 10.1.0.%d", guardedServices)) }
	eventually(t, "the services are served", serves)
	g.api.unserve(t)
	d.waitOutput(`msg="the ServiceImport API is being deleted; the last known services stay"`)
	throughout(t, 2*time.Second, "most services stay", func() error {
		if n := g.count(readFile(t, d.file(clusterset))); n < guardedServices*7/10 {
			return fmt.Errorf("%d are left", n)
		}
		return serves()
	})
	t.Logf("%d of %d services have stayed", g.count(readFile(t, d.file(clusterset))), guardedServices)
	g.api.serve(t, "v1beta1")
	d.waitOutput(`msg="holding back a loss of services"`) // the new API has none yet
	if err := serves(); err != nil {
		t.Error(err)
	}
	g.create()
	d.waitValue(heldServices, equals(0))
	eventually(t, "all services are published", func() error { return g.has(d, guardedServices) })
}
