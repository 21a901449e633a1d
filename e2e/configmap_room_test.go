package e2e

import (
	"bytes"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// inShards publishes with that many shards, and tells the log.
func inShards(t testing.TB, namespace string, shards int) (*zoneMap, *bytes.Buffer) {
	t.Helper()
	log := new(bytes.Buffer)
	return newZoneMap(t, namespace, func(o *publish.ConfigMapOptions, _ *rest.Config) {
		o.Shards = shards
		o.Logger = slog.New(slog.NewTextHandler(log, nil))
	}), log
}

// turnOver changes all services, as another --ttl does.
func (s *webZone) turnOver(services, generation int) {
	s.t.Helper()
	all := make([]zone.Service, services)
	for i := range all {
		all[i] = tenEndpoints(i, generation)
	}
	s.apply(all...)
}

// A zone that fills less than half of the shards can always change as a whole, however often, and says nothing below 40 %.
func TestConfigMapTurnover(t *testing.T) {
	const services = 1200
	set := newWebZone(t, services)
	m, log := inShards(t, sharedAPI(t).newNamespace(t, "configmap-"), 4)
	size := len(set.Snapshots()[0].Append(nil, 1))
	t.Logf("%d bytes in 4 shards of %d", size, publish.ShardBytes)
	for generation := range 4 {
		set.turnOver(services, generation)
		results, err := m.Publish(t.Context(), set.Snapshots())
		for err != nil && strings.Contains(err.Error(), "wait until old chunks among them go") {
			m.now = m.now.Add(time.Minute)
			if m.now.Sub(time.Unix(1_790_000_000, 0)) > time.Hour {
				t.Fatal(err)
			}
			results, err = m.Publish(t.Context(), set.Snapshots())
		}
		if err != nil {
			t.Fatal(err)
		}
		m.shows(set.Snapshots(), results)
		m.now = m.now.Add(10 * time.Second)
	}
	if log.Len() > 0 {
		t.Errorf("the log has:\n%s", log)
	}
}

// A zone that fills more than half of them is published with a warning, and parts of it can change. When all of it does,
// the error says how many shards it takes, and with as many it is published.
func TestConfigMapTurnoverTooLarge(t *testing.T) {
	const services = 1200
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	set := newWebZone(t, services)
	m, log := inShards(t, namespace, 2)
	m.publish(set.Snapshots())
	m.now = m.now.Add(time.Minute)
	set.apply(tenEndpoints(7, 1))
	m.publish(set.Snapshots())
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "level=WARN") || !strings.Contains(text, "--configmap-shards") {
		t.Errorf("the log has:\n%s", text)
	}

	set.turnOver(services, 2)
	says := regexp.MustCompile(`waiting does not help: raise --configmap-shards from 2 to (\d+), after the volume and the Role list zones-0 to zones-(\d+)$`)
	need := 0
	for range 3 {
		m.now = m.now.Add(time.Hour)
		_, err := m.Publish(t.Context(), set.Snapshots())
		if err == nil {
			t.Fatal("it is published")
		}
		match := says.FindStringSubmatch(err.Error())
		if match == nil {
			t.Fatal(err)
		}
		need, _ = strconv.Atoi(match[1])
		if last, _ := strconv.Atoi(match[2]); last != need-1 {
			t.Error(err)
		}
	}
	again, _ := inShards(t, namespace, need)
	again.now = m.now
	again.publish(set.Snapshots())
}
