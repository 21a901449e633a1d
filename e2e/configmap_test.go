package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// zoneMap publishes into ConfigMaps of a namespace of its own, with a clock that stands until it is set.
type zoneMap struct {
	*publish.ConfigMaps
	t         testing.TB
	api       *apiServer
	namespace string
	now       time.Time
	sent      *traffic
}

// traffic counts what is written.
type traffic struct {
	writes, bytes atomic.Int64
	// before is called before a write is sent, if it is not nil.
	before func(*http.Request)
	next   http.RoundTripper
}

func (w *traffic) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		if w.before != nil {
			w.before(r)
		}
		w.writes.Add(1)
		w.bytes.Add(r.ContentLength)
	}
	return w.next.RoundTrip(r)
}

// since returns the writes and their bytes since the last call.
func (w *traffic) since() (writes, bytes int64) { return w.writes.Swap(0), w.bytes.Swap(0) }

func newZoneMap(t testing.TB, namespace string, change func(*publish.ConfigMapOptions, *rest.Config)) *zoneMap {
	t.Helper()
	m := &zoneMap{t: t, api: sharedAPI(t), namespace: namespace, now: time.Unix(1_790_000_000, 0), sent: new(traffic)}
	config := rest.CopyConfig(m.api.config)
	config.QPS = -1
	o := publish.ConfigMapOptions{Namespace: namespace, Name: "zones", Now: func() time.Time { return m.now }}
	if change != nil {
		change(&o, config)
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		m.sent.next = next
		return m.sent
	})
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	o.Client = clients.CoreV1()
	if m.ConfigMaps, err = publish.NewConfigMaps(o); err != nil {
		t.Fatal(err)
	}
	return m
}

// publish publishes all zones, which must succeed and be what a volume then shows.
func (m *zoneMap) publish(snapshots []*zone.Snapshot) []publish.Result {
	m.t.Helper()
	results, err := m.Publish(m.t.Context(), snapshots)
	if err != nil {
		m.t.Fatal(err)
	}
	m.shows(snapshots, results)
	return results
}

// shows checks that a volume shows the snapshots with the serials of the results.
func (m *zoneMap) shows(snapshots []*zone.Snapshot, results []publish.Result) {
	m.t.Helper()
	files := m.volume()
	for i, s := range snapshots {
		r := results[i]
		key := "db." + strings.TrimSuffix(s.Origin(), ".")
		if r.Zone != s.Origin() || r.Path != m.namespace+"/zones/"+key {
			m.t.Errorf("result %+v", r)
		}
		// The names of chunks make it a little larger than the zone.
		text := whole(m.t, files, key)
		if r.Bytes < int64(len(text)) || r.Bytes > int64(len(text)+len(files[key])) {
			m.t.Errorf("it has %d bytes, and a zone of %d", r.Bytes, len(text))
		}
		if text != string(s.Append(nil, r.Serial)) {
			m.t.Errorf("%s is not the snapshot with serial %d:\n%.1000s", key, r.Serial, text)
		}
	}
}

// list returns the ConfigMaps by name.
func (m *zoneMap) list() map[string]*corev1.ConfigMap {
	m.t.Helper()
	var list corev1.ConfigMapList
	if err := m.api.List(m.t.Context(), &list, client.InNamespace(m.namespace)); err != nil {
		m.t.Fatal(err)
	}
	byName := map[string]*corev1.ConfigMap{}
	for i := range list.Items {
		if item := &list.Items[i]; strings.HasPrefix(item.Name, "zones") {
			byName[item.Name] = item
		}
	}
	return byName
}

// volume is what a projected volume of all ConfigMaps shows. No file may be in two.
func (m *zoneMap) volume() map[string]string {
	m.t.Helper()
	files := map[string]string{}
	for name, cm := range m.list() {
		size := 0
		for key, text := range cm.Data {
			if _, twice := files[key]; twice {
				m.t.Errorf("%s is in %s and in another ConfigMap", key, name)
			}
			files[key] = text
			size += len(key) + len(text)
		}
		if size > 900<<10 {
			m.t.Errorf("%s has %d bytes", name, size)
		}
		if cm.Labels["app.kubernetes.io/managed-by"] != "zonegen" || cm.Annotations[publish.PartOfAnnotation] != "zones" {
			m.t.Errorf("%s has the labels %v and annotations %v", name, cm.Labels, cm.Annotations)
		}
		for _, f := range cm.ManagedFields {
			if f.Manager != publish.FieldManager {
				m.t.Errorf("%s has fields of %s", name, f.Manager)
			}
		}
	}
	return files
}

// whole is a zone's text with what it includes.
func whole(t testing.TB, files map[string]string, key string) string {
	t.Helper()
	text, err := withIncludes([]byte(files[key]), func(name string) ([]byte, error) {
		chunk, there := files[name]
		if !there {
			t.Errorf("%s includes %s, which is not there", key, name)
		}
		return []byte(chunk), nil
	})
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// chunks are the names of the chunks that a volume shows.
func (m *zoneMap) chunks() []string {
	m.t.Helper()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m.volume())), func(name string) bool { return !strings.HasPrefix(name, zone.ChunkPrefix) })
}

// webZone has services with ten endpoints each; what they are follows from their number and a generation.
type webZone struct {
	*zone.Set
	t testing.TB
}

func newWebZone(t testing.TB, services int) *webZone {
	t.Helper()
	set, err := zone.NewSet(zone.Options{NoReverse: true})
	if err != nil {
		t.Fatal(err)
	}
	s := &webZone{set, t}
	all := make([]zone.Service, services)
	for i := range all {
		all[i] = tenEndpoints(i, 0)
	}
	s.apply(all...)
	return s
}

func (s *webZone) apply(services ...zone.Service) {
	s.t.Helper()
	if problems := s.Apply(zone.Changes{Services: services}); len(problems) > 0 {
		s.t.Fatal(problems)
	}
}

func tenEndpoints(i, generation int) zone.Service {
	slice := zone.EndpointSlice{Name: "a", Cluster: "east", Ports: []zone.Port{{Name: "http", Number: 80}}}
	for j := range 10 {
		slice.Endpoints = append(slice.Endpoints, zone.Endpoint{
			Hostname:  fmt.Sprintf("web-%d", j),
			Addresses: []string{fmt.Sprintf("10.%d.%d.%d", generation&255, i&255, j+1)},
			Ready:     true,
		})
	}
	return zone.Service{
		Key:    zone.Key{Namespace: fmt.Sprintf("shop-%d", i%50), Name: fmt.Sprintf("web-%d", i)},
		Type:   zone.Headless,
		Slices: []zone.EndpointSlice{slice},
	}
}

func TestConfigMap(t *testing.T) {
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	set := newWebZone(t, 20)
	m := newZoneMap(t, namespace, nil)
	first := m.publish(set.Snapshots())[0]
	if !first.Written || first.Serial != 1_790_000_000 || len(m.list()) != 1 {
		t.Errorf("result %+v, ConfigMaps %v", first, slices.Collect(maps.Keys(m.list())))
	}
	m.sent.since()

	// What has not changed is not written, and not read until some time has passed.
	m.now = m.now.Add(time.Hour)
	if r := m.publish(set.Snapshots())[0]; r.Written || r.Serial != first.Serial {
		t.Errorf("unchanged: %+v", r)
	}
	set.apply(tenEndpoints(3, 0))
	m.publish(set.Snapshots())
	if writes, _ := m.sent.since(); writes != 0 {
		t.Errorf("%d writes without a change", writes)
	}

	// The serial grows with each change, on a clock that went back too.
	m.now = m.now.Add(-2 * time.Hour)
	set.apply(tenEndpoints(3, 1))
	if r := m.publish(set.Snapshots())[0]; !r.Written || r.Serial != first.Serial+1 {
		t.Errorf("changed: %+v", r)
	}
	if writes, _ := m.sent.since(); writes != 1 {
		t.Errorf("%d writes for a change", writes)
	}

	// A new writer takes the zone over as it is, with one write that changes no data.
	again := newZoneMap(t, namespace, nil)
	if r := again.publish(set.Snapshots())[0]; r.Written || r.Serial != first.Serial+1 {
		t.Errorf("taken over: %+v", r)
	}
	if writes, _ := again.sent.since(); writes != 1 {
		t.Errorf("%d writes to take over", writes)
	}
	set.apply(tenEndpoints(3, 2))
	if r := again.publish(set.Snapshots())[0]; !r.Written || r.Serial != first.Serial+2 {
		t.Errorf("changed by the second writer: %+v", r)
	}
}

// What somebody else did to the ConfigMap is put right.
func TestConfigMapRepaired(t *testing.T) {
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	set := newWebZone(t, 1000)
	m := newZoneMap(t, namespace, nil)
	serial := m.publish(set.Snapshots())[0].Serial
	if len(m.list()) < 3 {
		t.Fatalf("%d ConfigMaps", len(m.list()))
	}
	kubectl := func(args ...string) { m.api.kubectl(t, append([]string{"--namespace", namespace}, args...)...) }
	for name, disturb := range map[string]func(){
		"root emptied": func() {
			kubectl("patch", "configmap", "zones", "--type=json", `--patch=[{"op":"remove","path":"/data"}]`)
		},
		"root deleted":  func() { kubectl("delete", "configmap", "zones") },
		"shard deleted": func() { kubectl("delete", "configmap", "zones-0") },
		"shard emptied": func() {
			kubectl("patch", "configmap", "zones-1", "--type=json", `--patch=[{"op":"remove","path":"/data"}]`)
		},
		"root edited": func() { kubectl("patch", "configmap", "zones", `--patch={"data":{"db.clusterset.local":"nonsense"}}`) },
		"chunk edited": func() {
			chunk := slices.Min(slices.Collect(maps.Keys(m.list()["zones-0"].Data)))
			kubectl("patch", "configmap", "zones-0", fmt.Sprintf(`--patch={"data":{%q:"nonsense"}}`, chunk))
		},
	} {
		disturb()
		m.now = m.now.Add(time.Minute)
		results, err := m.Publish(t.Context(), set.Snapshots())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := results[0]
		if strings.HasPrefix(name, "root") == (r.Serial == serial) {
			t.Errorf("%s: %+v after serial %d", name, r, serial)
		}
		if text := whole(t, m.volume(), "db.clusterset.local"); text != string(set.Snapshots()[0].Append(nil, r.Serial)) {
			t.Errorf("%s: the zone is not the snapshot", name)
		}
		serial = r.Serial

		// In the midst of a change it is no other.
		if name != "root emptied" && name != "root edited" {
			continue
		}
		kubectl("label", "configmap", "zones", "a=b", "--overwrite")
		kubectl("label", "configmap", "zones", "a-")
		set.apply(tenEndpoints(1, len(name)))
		serial = m.publish(set.Snapshots())[0].Serial
	}
}

// A zone of 100,000 records is spread over ConfigMaps; a change writes two of them.
func TestConfigMapLarge(t *testing.T) {
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	set := newWebZone(t, 2500)
	m := newZoneMap(t, namespace, nil)
	snapshot := set.Snapshots()[0]
	if n := total(snapshot.Counts()); n < 100_000 {
		t.Fatalf("%d records", n)
	}
	first := m.publish(set.Snapshots())[0]
	writes, sent := m.sent.since()
	t.Logf("%d records, %d bytes: %d ConfigMaps, %d writes of %d bytes",
		total(snapshot.Counts()), len(snapshot.Append(nil, 1)), len(m.list()), writes, sent)
	if len(m.list()) < 5 || writes > 2*int64(len(m.list())) {
		t.Errorf("%d ConfigMaps by %d writes", len(m.list()), writes)
	}
	before := m.chunks()

	// One service changes, over and over.
	var stored, logged []float64
	for generation := range 10 {
		etcd := m.api.etcdWritten(t)
		m.now = m.now.Add(10 * time.Second)
		set.apply(tenEndpoints(7, generation+1))
		were := len(m.list())
		m.publish(set.Snapshots())
		writes, sent := m.sent.since()
		etcd = m.api.etcdWritten(t).since(etcd)
		stored, logged = append(stored, etcd.objects), append(logged, etcd.log)
		t.Logf("a change: %d writes of %d bytes; etcd stores %.0f bytes and writes %.0f into its log", writes, sent, etcd.objects, etcd.log)
		if want := 2 + len(m.list()) - were; writes != int64(want) || sent > 300<<10 {
			t.Errorf("a change is %d writes of %d bytes, want %d", writes, sent, want)
		}
	}
	slices.Sort(stored)
	slices.Sort(logged)
	t.Logf("etcd for a change: stores %.0f to %.0f bytes, median %.0f; writes %.0f to %.0f into its log, median %.0f",
		stored[0], stored[9], stored[5], logged[0], logged[9], logged[5])
	if size := float64(len(snapshot.Append(nil, 1))); stored[0] == 0 || logged[9] > size/10 {
		t.Errorf("etcd writes more than a tenth of the %.0f bytes of the zone, or nothing is measured", size)
	}
	if now := m.chunks(); len(now) != len(before)+10 {
		t.Errorf("%d chunks, %d before the changes: the old ones are to stay for the grace time", len(now), len(before))
	}

	// Nothing goes before the grace time is over, and all that is old not long after it.
	m.now = m.now.Add(publish.DefaultConfigMapGrace - 100*time.Second)
	m.publish(set.Snapshots())
	if writes, _ := m.sent.since(); writes != 0 || len(m.chunks()) != len(before)+10 {
		t.Errorf("%d writes and %d chunks within the grace time", writes, len(m.chunks()))
	}
	m.now = m.now.Add(2 * publish.DefaultConfigMapGrace)
	m.publish(set.Snapshots())
	if writes, _ := m.sent.since(); writes > 5 || len(m.chunks()) != len(before) {
		t.Errorf("%d writes and %d chunks after the grace time, want %d", writes, len(m.chunks()), len(before))
	}

	// A new writer finds all of it.
	again := newZoneMap(t, namespace, nil)
	again.now = m.now
	if r := again.publish(set.Snapshots())[0]; r.Written {
		t.Errorf("taken over: %+v", r)
	}
	if writes, _ := again.sent.since(); writes != 1 {
		t.Errorf("%d writes to take over", writes)
	}

	// A small zone is one ConfigMap again, once the chunks have gone.
	small := newWebZone(t, 20).Snapshots()
	if r := again.publish(small)[0]; !r.Written || r.Serial <= first.Serial {
		t.Errorf("small: %+v", r)
	}
	again.now = again.now.Add(2 * publish.DefaultConfigMapGrace)
	again.publish(small)
	if n := len(again.list()); n != 1 {
		t.Errorf("%d ConfigMaps for a small zone", n)
	}
}

// More chunks are spare than annotations of the API have room to name: they go nevertheless, some at a time.
func TestConfigMapManySpare(t *testing.T) {
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	set := newWebZone(t, 1000)
	before := newZoneMap(t, namespace, nil)
	before.publish(set.Snapshots())
	wanted := len(before.chunks())
	clients, err := kubernetes.NewForConfig(before.api.config)
	if err != nil {
		t.Fatal(err)
	}
	const spare = 10_000
	for number := range 2 {
		data := map[string]string{}
		for i := range spare / 2 {
			text := fmt.Sprintf("; %d.%d\n", number, i)
			data[zone.ChunkName(sha256.Sum256([]byte(text)))] = text
		}
		shard := applycorev1.ConfigMap(fmt.Sprintf("zones-%d", publish.DefaultShards-1-number), namespace).
			WithLabels(map[string]string{"app.kubernetes.io/managed-by": "zonegen"}).
			WithAnnotations(map[string]string{publish.PartOfAnnotation: "zones"}).
			WithData(data)
		if _, err := clients.CoreV1().ConfigMaps(namespace).Apply(t.Context(), shard, metav1.ApplyOptions{FieldManager: publish.FieldManager}); err != nil {
			t.Fatal(err)
		}
	}
	m := newZoneMap(t, namespace, nil)
	m.publish(set.Snapshots())
	if n := len(m.chunks()); n != wanted+spare {
		t.Fatalf("%d chunks, %d of them wanted", n, wanted)
	}
	for step := range 40 {
		m.now = m.now.Add(publish.DefaultConfigMapGrace / 4)
		set.apply(tenEndpoints(7, step+1))
		if _, err := m.Publish(t.Context(), set.Snapshots()); err != nil {
			t.Fatalf("after %d steps: %v", step, err)
		}
	}
	if n := len(m.chunks()); n > wanted+20 {
		t.Errorf("%d chunks, %d of them wanted", n, wanted)
	}
}

func total(c zone.Counts) int {
	return c.A + c.AAAA + c.SRV + c.PTR + c.TXT + c.NS + c.SOA
}

// Where old chunks take all the room, it gets free as they go.
func TestConfigMapNoRoom(t *testing.T) {
	set := newWebZone(t, 1000)
	m := newZoneMap(t, sharedAPI(t).newNamespace(t, "configmap-"), func(o *publish.ConfigMapOptions, _ *rest.Config) {
		o.Shards = 2
		o.Reread = time.Hour
	})
	m.publish(set.Snapshots())
	start := m.now // of the last success
	failed, succeeded := 0, 0
	for i := range 45 {
		m.now = m.now.Add(10 * time.Second)
		set.apply(tenEndpoints(i, 1))
		results, err := m.Publish(t.Context(), set.Snapshots())
		if err == nil {
			start = m.now
			succeeded++
			m.shows(set.Snapshots(), results)
			continue
		}
		failed++
		if !strings.Contains(err.Error(), "too large") || m.now.Sub(start) > publish.DefaultConfigMapGrace {
			t.Fatalf("nothing since %s: %v", m.now.Sub(start), err)
		}
	}
	t.Logf("%d published, %d without room", succeeded, failed)
	if failed == 0 {
		t.Error("there always was room")
	}
}

// TestConfigMapNoShards: with one ConfigMap only, zones that it cannot hold are an error, and the ones before stay, also
// those that had chunks.
func TestConfigMapNoShards(t *testing.T) {
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	large, small := newWebZone(t, 1000).Snapshots(), newWebZone(t, 5).Snapshots()
	chunked := newZoneMap(t, namespace, nil)
	chunked.publish(large)
	var log bytes.Buffer
	m := newZoneMap(t, namespace, func(o *publish.ConfigMapOptions, _ *rest.Config) {
		o.Shards = publish.NoShards
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	refused := func() {
		t.Helper()
		before := m.volume()
		if _, err := m.Publish(t.Context(), large); err == nil || !strings.Contains(err.Error(), "allow them with --configmap-shards") {
			t.Errorf("zones that are too large: %v", err)
		}
		if !maps.Equal(m.volume(), before) {
			t.Error("the volume shows something else")
		}
	}
	refused()
	m.publish(small)
	if want := "there are ConfigMaps with chunks, of which there may be none; remove them when no volume lists them"; !strings.Contains(log.String(), want) {
		t.Errorf("the log does not say %q:\n%s", want, &log)
	}
	for name, cm := range m.list() {
		if name != "zones" {
			m.api.remove(t, cm)
		}
	}
	refused()
	m.publish(newWebZone(t, 6).Snapshots())
	if n := len(m.list()); n != 1 {
		t.Errorf("there are %d ConfigMaps", n)
	}
	const nearly = "the zones fill much of the one ConfigMap"
	if strings.Contains(log.String(), nearly) {
		t.Errorf("the log warns of small zones:\n%s", &log)
	}
	if size := m.publish(newWebZone(t, 700).Snapshots())[0].Bytes; !strings.Contains(log.String(), nearly) {
		t.Errorf("the log does not warn of zones with %d bytes:\n%s", size, &log)
	}
}

// ConfigMaps of others stay as they are, until they are handed over as the error says.
func TestConfigMapForeign(t *testing.T) {
	for name, services := range map[string]int{"zones": 5, "zones-0": 1000} {
		api := sharedAPI(t)
		namespace := api.newNamespace(t, "configmap-")
		foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Data: map[string]string{"theirs": "text"}}
		api.create(t, foreign)
		m := newZoneMap(t, namespace, nil)
		snapshots := newWebZone(t, services).Snapshots()
		results, err := m.Publish(t.Context(), snapshots)
		if err == nil || results[0].Err == nil || !strings.Contains(err.Error(), namespace+"/"+name) {
			t.Fatalf("%v, %+v", err, results)
		}
		if writes, _ := m.sent.since(); writes != 0 {
			t.Errorf("%d writes", writes)
		}
		_, command, ok := strings.Cut(err.Error(), ": kubectl ")
		if !ok {
			t.Fatalf("no command in %q", err)
		}
		api.kubectl(t, strings.Fields(command)...)
		if results, err = m.Publish(t.Context(), snapshots); err != nil {
			t.Fatal(err)
		}
		list := m.list()
		if list[name].Data["theirs"] != "text" {
			t.Errorf("the key of others has gone from %s", name)
		}
		files := map[string]string{}
		for _, cm := range list {
			maps.Copy(files, cm.Data)
		}
		if whole(t, files, "db.clusterset.local") != string(snapshots[0].Append(nil, results[0].Serial)) {
			t.Errorf("the zone in the adopted %s is another", name)
		}
	}
}

// A writer that was stopped between its decision and its write does not undo what another wrote meanwhile.
func TestConfigMapSuperseded(t *testing.T) {
	for name, services := range map[string]int{"single": 20, "chunked": 1000} {
		t.Run(name, func(t *testing.T) {
			namespace := sharedAPI(t).newNamespace(t, "configmap-")
			set := newWebZone(t, services)
			older, newer := newZoneMap(t, namespace, nil), newZoneMap(t, namespace, nil)
			first := older.publish(set.Snapshots())[0]

			set.apply(tenEndpoints(1, 1))
			stale := set.Snapshots()
			set.apply(tenEndpoints(1, 0)) // what it was
			var once sync.Once
			var second publish.Result
			older.sent.before = func(r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/configmaps/zones") {
					once.Do(func() { second = newer.publish(set.Snapshots())[0] })
				}
			}
			_, err := older.Publish(t.Context(), stale)
			if !errors.Is(err, publish.ErrSuperseded) {
				t.Fatalf("error %v", err)
			}
			if second.Written || second.Serial != first.Serial {
				t.Errorf("the other writer: %+v after %+v", second, first)
			}
			newer.shows(set.Snapshots(), []publish.Result{second})

			// If it leads again, it goes on from there, and the other one is superseded.
			set.apply(tenEndpoints(1, 2))
			third := older.publish(set.Snapshots())[0]
			if !third.Written || third.Serial <= first.Serial {
				t.Errorf("after that: %+v", third)
			}
			if _, err := newer.Publish(t.Context(), stale); !errors.Is(err, publish.ErrSuperseded) {
				t.Errorf("error %v", err)
			}
			newer.shows(set.Snapshots(), []publish.Result{third})
		})
	}
}

// A writer that was stopped before it removes old chunks does not remove one that another writer has come to need.
func TestConfigMapSupersededSweep(t *testing.T) {
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	set := newWebZone(t, 1000)
	older, newer := newZoneMap(t, namespace, nil), newZoneMap(t, namespace, nil)
	first := set.Snapshots()
	older.publish(first)
	set.apply(tenEndpoints(1, 1))
	older.publish(set.Snapshots())
	both := older.chunks()

	older.now = older.now.Add(2 * publish.DefaultConfigMapGrace)
	newer.now = older.now
	var once sync.Once
	var results []publish.Result
	older.sent.before = func(r *http.Request) {
		if strings.Contains(r.URL.Path, "/configmaps/zones-") {
			once.Do(func() { results = newer.publish(first) })
		}
	}
	if _, err := older.Publish(t.Context(), set.Snapshots()); err != nil {
		t.Fatal(err) // the zone was published before
	}
	if len(results) == 0 || !results[0].Written {
		t.Fatalf("the other writer: %+v", results)
	}
	newer.shows(first, results)
	if now := newer.chunks(); !slices.Equal(now, both) {
		t.Errorf("chunks %v, were %v", now, both)
	}
	if _, err := older.Publish(t.Context(), set.Snapshots()); !errors.Is(err, publish.ErrSuperseded) {
		t.Errorf("error %v", err)
	}
	newer.shows(first, results)
}

// The first Publish asks whether it may after it has read, and whoever publishes in between is not overwritten.
func TestConfigMapConfirm(t *testing.T) {
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	set, later := newWebZone(t, 5), newWebZone(t, 6)
	other := newZoneMap(t, namespace, nil)
	confirmed, refusal := 0, errors.New("no longer the leader")
	meanwhile := func() {}
	m := newZoneMap(t, namespace, func(o *publish.ConfigMapOptions, _ *rest.Config) {
		o.Confirm = func(context.Context) error {
			confirmed++
			meanwhile()
			return refusal
		}
	})
	if results, err := m.Publish(t.Context(), set.Snapshots()); !errors.Is(err, refusal) || !errors.Is(results[0].Err, refusal) || len(m.list()) != 0 {
		t.Errorf("%+v, %v", results, err)
	}
	refusal = nil
	for _, first := range []bool{true, false} {
		meanwhile = func() {
			if !first {
				later.apply(tenEndpoints(3, 1))
			}
			other.publish(later.Snapshots())
		}
		if results, err := m.Publish(t.Context(), set.Snapshots()); !errors.Is(err, publish.ErrSuperseded) || results[0].Written {
			t.Errorf("%+v, %v", results, err)
		}
		if text := m.volume()["db.clusterset.local"]; !strings.Contains(text, "web-5") {
			t.Errorf("an older zone has replaced a newer one:\n%s", text)
		}
		m = newZoneMap(t, namespace, func(o *publish.ConfigMapOptions, _ *rest.Config) {
			o.Confirm = func(context.Context) error {
				confirmed++
				meanwhile()
				return nil
			}
		})
	}
	meanwhile = func() {}
	m.publish(later.Snapshots())
	m.now = m.now.Add(time.Hour)
	m.publish(set.Snapshots())
	if confirmed != 4 {
		t.Errorf("it was asked %d times, want once for each first Publish", confirmed)
	}
}

// Snapshots that may be older than what another writer has published are not published. Where they are the same, nothing
// is lost.
func TestConfigMapOlder(t *testing.T) {
	namespace := sharedAPI(t).newNamespace(t, "configmap-")
	set := newWebZone(t, 20)
	stale := set.Snapshots()
	set.apply(tenEndpoints(1, 1))
	first, second := newZoneMap(t, namespace, nil), newZoneMap(t, namespace, nil)
	results, err := first.PublishAt(t.Context(), set.Snapshots(), publish.Position{Text: "5"})
	if err != nil {
		t.Fatal(err)
	}
	at := publish.Position{Text: "4", Behind: func(text string) string {
		if text == "5" {
			return "it is before 5"
		}
		return ""
	}}
	for range 2 {
		if results, err := second.PublishAt(t.Context(), stale, at); !errors.Is(err, publish.ErrOlder) || !strings.Contains(err.Error(), "it is before 5") || results[0].Written {
			t.Errorf("%+v, %v", results, err)
		}
	}
	first.shows(set.Snapshots(), results)
	const annotation = "zonegen.clusterset-dns.github.io/position"
	if _, err := second.PublishAt(t.Context(), set.Snapshots(), at); err != nil || second.list()["zones"].Annotations[annotation] != "5" {
		t.Errorf("the same zone: %v; %v", err, second.list()["zones"].Annotations)
	}
	if _, err := second.PublishAt(t.Context(), stale, at); !errors.Is(err, publish.ErrOlder) {
		t.Errorf("after that: %v", err)
	}
	at.Text, at.Behind = "3", nil
	if _, err := second.PublishAt(t.Context(), stale, at); err != nil || second.list()["zones"].Annotations[annotation] != "3" {
		t.Errorf("without comparison: %v; %v", err, second.list()["zones"].Annotations)
	}
	set.apply(tenEndpoints(1, 2))
	at.Text, at.Behind = "6", func(text string) string { return "nothing is as new as " + text }
	if _, err := second.PublishAt(t.Context(), set.Snapshots(), at); err != nil {
		t.Errorf("after what it has published itself: %v", err)
	}
	if _, err := second.Publish(t.Context(), stale); err != nil || second.list()["zones"].Annotations[annotation] != "" {
		t.Errorf("without a position: %v; %v", err, second.list()["zones"].Annotations)
	}
}

// Many writers at once: each version that anyone can see is whole, and the serials of all of them grow.
func TestConfigMapWriters(t *testing.T) {
	api := sharedAPI(t)
	namespace := api.newNamespace(t, "configmap-")
	versions := watchConfigMaps(t, api, namespace)
	seen := make(chan error, 1)
	go func() { seen <- chain(versions, nil) }()

	var writers sync.WaitGroup
	var superseded, published atomic.Int64
	for w := range 3 {
		set, r := newWebZone(t, 1000), rand.New(rand.NewPCG(1, uint64(w)))
		m := newZoneMap(t, namespace, func(o *publish.ConfigMapOptions, _ *rest.Config) {
			o.ChunkGrace = 5 * time.Second // by a clock that runs
			o.Reread = time.Hour
		})
		writers.Go(func() {
			for range 25 {
				m.now = m.now.Add(time.Second)
				set.apply(tenEndpoints(r.IntN(40), r.IntN(3)))
				_, err := m.Publish(t.Context(), set.Snapshots())
				switch {
				case errors.Is(err, publish.ErrSuperseded):
					superseded.Add(1)
				case err == nil:
					published.Add(1)
				case strings.Contains(err.Error(), "changed meanwhile"):
				default:
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	set := newWebZone(t, 1000)
	last := newZoneMap(t, namespace, nil)
	set.apply(tenEndpoints(1, 9))
	last.now = last.now.Add(time.Hour)
	last.publish(set.Snapshots())
	api.create(t, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "end"}})
	if err := <-seen; err != nil {
		t.Error(err)
	}
	t.Logf("%d published, %d superseded", published.Load(), superseded.Load())
	if superseded.Load() == 0 || published.Load() == 0 {
		t.Error("they did not meet")
	}
}

// RBAC: these verbs are enough, and each that is missing is named by the error.
func TestConfigMapLeastPrivilege(t *testing.T) {
	api := sharedAPI(t)
	namespace := api.newNamespace(t, "configmap-")
	verbs := []string{"get", "create", "patch", "delete"}
	role := &rbacv1.Role{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "zonegen"}}
	api.create(t, role, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "zonegen"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "zonegen"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: "zonegen-" + namespace}},
	})
	kubeconfig := api.kubeconfigOf(t, "zonegen-"+namespace)
	allow := func(verbs []string) {
		names := []string{"zones"}
		for i := range publish.DefaultShards {
			names = append(names, fmt.Sprint("zones-", i))
		}
		api.modify(t, role, func() {
			role.Rules = nil
			for _, verb := range verbs {
				rule := rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{verb}, ResourceNames: names}
				switch verb {
				case "create":
					rule.ResourceNames = nil // a name is not known before
				case "delete":
					rule.ResourceNames = names[1:]
				}
				role.Rules = append(role.Rules, rule)
			}
		})
	}
	var log bytes.Buffer
	m := newZoneMap(t, namespace, func(o *publish.ConfigMapOptions, config *rest.Config) {
		o.Logger = slog.New(slog.NewTextHandler(&log, nil))
		mine, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		mine.QPS = -1
		*config = *mine
	})
	large, small := newWebZone(t, 1000).Snapshots(), newWebZone(t, 5).Snapshots()
	for i := range 3 {
		allow(verbs[:i])
		eventually(t, "the error says what is missing", func() error {
			_, err := m.Publish(t.Context(), large)
			if err == nil || !strings.Contains(err.Error(), "allow it to "+verbs[i]+" configmaps") {
				return fmt.Errorf("the error without %s is %w", verbs[i], err)
			}
			return nil
		})
	}
	allow(verbs[:3])
	eventually(t, "it is published", func() error {
		_, err := m.Publish(t.Context(), large)
		return err
	})
	m.publish(small)

	// To delete is needed for old chunks only.
	m.now = m.now.Add(2 * publish.DefaultConfigMapGrace)
	m.publish(small)
	if want := regexp.MustCompile(`level=WARN msg="cannot remove old chunks" .* error="delete configmap .* allow it to delete configmaps`); !want.MatchString(log.String()) {
		t.Errorf("the log does not have %s:\n%s", want, &log)
	}
	allow(verbs)
	eventually(t, "the old chunks go", func() error {
		m.publish(small)
		if n := len(m.list()); n != 1 {
			return fmt.Errorf("%d ConfigMaps are left", n)
		}
		return nil
	})
}

// What hinders all of it is said with what to do about it.
func TestConfigMapErrors(t *testing.T) {
	api := sharedAPI(t)
	small := newWebZone(t, 5).Snapshots()
	wants := func(m *zoneMap, snapshots []*zone.Snapshot, words ...string) {
		t.Helper()
		results, err := m.Publish(t.Context(), snapshots)
		if err == nil || results[0].Err == nil || results[0].Written {
			t.Fatalf("%v, %+v", err, results)
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("error %q does not say %q", err, word)
			}
		}
	}
	wants(newZoneMap(t, "no-such-namespace", nil), small, "create configmap no-such-namespace/zones", "kubectl create namespace no-such-namespace")

	namespace := api.newNamespace(t, "configmap-")
	few := newZoneMap(t, namespace, func(o *publish.ConfigMapOptions, _ *rest.Config) { o.Shards = 1 })
	wants(few, newWebZone(t, 1000).Snapshots(), "too large", "zones-0", "volume")

	frozen := true
	api.create(t, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "zones", Annotations: map[string]string{publish.PartOfAnnotation: "zones"}},
		Immutable:  &frozen,
	})
	m := newZoneMap(t, namespace, nil)
	wants(m, small, "immutable", "delete configmap zones")
	api.kubectl(t, "--namespace", namespace, "delete", "configmap", "zones")
	m.publish(small)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m.now = m.now.Add(time.Hour)
	if _, err := m.Publish(ctx, small); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	m.publish(small)
}

// serialOf is the serial of a zone's text.
func serialOf(text string) uint32 {
	rr, _ := dns.NewZoneParser(strings.NewReader(text), "", "").Next()
	soa, ok := rr.(*dns.SOA)
	if !ok {
		return 0
	}
	return soa.Serial
}
