package e2e

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// configMaps are the data of ConfigMaps by name.
type configMaps map[string]map[string]string

// chunkedConfigMaps are the ConfigMaps of a zone that was spread over three: the root in "zones", and the chunks.
func chunkedConfigMaps(t testing.TB, snapshot *zone.Snapshot, serial uint32) configMaps {
	t.Helper()
	root, chunks := snapshot.Chunked()
	if len(chunks) < 6 {
		t.Fatalf("%d chunks are too few", len(chunks))
	}
	spread := configMaps{"zones": {"db.clusterset.local": string(root.Append(nil, serial))}, "zones-0": {}, "zones-1": {}, "zones-2": {}}
	for i, chunk := range chunks {
		spread[fmt.Sprintf("zones-%d", i%3)][chunk.Name] = string(slices.Concat(chunk.Buffers()...))
	}
	return spread
}

// zonesVolume is a projected volume of ConfigMaps, each of which the kubelet knows in some version.
type zonesVolume struct {
	atomicVolume
	t     testing.TB
	known configMaps
}

// refresh brings one ConfigMap up to date, and writes the volume.
func (v *zonesVolume) refresh(name string, newest configMaps) {
	v.t.Helper()
	v.known[name] = newest[name]
	if err := v.write(v.files()); err != nil {
		v.t.Fatal(err)
	}
}

func (v *zonesVolume) files() map[string]string {
	files := map[string]string{}
	for _, data := range v.known {
		maps.Copy(files, data)
	}
	return files
}

// missing reports whether the zone includes a chunk that is not there.
func (v *zonesVolume) missing() bool {
	files := v.files()
	for line := range strings.Lines(files["db.clusterset.local"]) {
		if name, ok := strings.CutPrefix(line, "$INCLUDE "); ok && files[strings.TrimSuffix(name, "\n")] == "" {
			return true
		}
	}
	return false
}

// permutations calls f with each order of the names.
func permutations(names []string, f func([]string)) {
	var step func(done, rest []string)
	step = func(done, rest []string) {
		if len(rest) == 0 {
			f(done)
		}
		for i, name := range rest {
			step(append(slices.Clone(done), name), slices.Delete(slices.Clone(rest), i, i+1))
		}
	}
	step(nil, names)
}

// TestProjectedVolume refreshes the ConfigMaps of a zone one by one, in every order, as kubelets do: the chunks before the
// root that includes them, after it, or some of each, while the old chunks go. A name server answers with the old zone or
// with the new one at any time, and with the new one once all of it is there.
func TestProjectedVolume(t *testing.T) {
	const services = 300
	var versions [2]configMaps
	set := newWebZone(t, services)
	for generation := range versions {
		for i := range services / 2 { // the other half is in chunks that stay
			set.apply(tenEndpoints(i, generation+1))
		}
		versions[generation] = chunkedConfigMaps(t, set.Snapshots()[0], uint32(generation+1))
	}
	names := slices.Sorted(maps.Keys(versions[0]))

	for plugin, config := range map[string]string{
		"file":         "file %s/db.clusterset.local clusterset.local {\n reload 10ms\n}\n",
		"multicluster": "multicluster clusterset.local {\n directory %s\n reload 1m\n}\n",
	} {
		t.Run(plugin, func(t *testing.T) {
			v := &zonesVolume{atomicVolume{t.TempDir()}, t, configMaps{}}
			for _, name := range names {
				v.refresh(name, versions[0])
			}
			port, metrics := freePort(t), freePort(t)
			server := runCoreDNS(t, port, fmt.Sprintf("prometheus %s\n"+config, loopback(metrics), v.dir))
			failures := func() string { // that the server has had with this zone
				if plugin == "file" {
					return fmt.Sprint(strings.Count(server.output(), "Parsing zone"))
				}
				return regexp.MustCompile(`(?m)^coredns_multicluster_load_failures_total.*$`).FindString(server.waitHTTP(fmt.Sprintf("http://%s/metrics", loopback(metrics)), 200))
			}
			w := newWitness(t, port)
			newest := 0
			permutations(names, func(order []string) {
				oldest := newest
				newest = 1 - newest
				w.accept(oldest, newest)
				for i, name := range order {
					before := failures()
					v.refresh(name, versions[newest])
					if !slices.Contains(order[:i+1], "zones") {
						continue
					}
					if v.missing() {
						server.eventually("it notices that a chunk is missing", func() error {
							if failures() == before {
								return errors.New("it does not")
							}
							return nil
						})
						continue
					}
					server.eventually(fmt.Sprintf("the new zone is served after %q", order[:i+1]), func() error {
						if got := w.generation(); got != newest {
							return fmt.Errorf("version %d is served, not %d", got, newest)
						}
						return nil
					})
					w.accept(newest)
				}
			})
			if n := w.end(); n < 100 {
				t.Errorf("only %d answers were looked at", n)
			}
		})
	}
}

// TestProjectedVolumeAtStart starts name servers on a volume that lacks a chunk, as a kubelet may make one that is asked for
// it in the midst of a publication: file ends, and is started again by the kubelet, and ours waits.
func TestProjectedVolumeAtStart(t *testing.T) {
	newest := chunkedConfigMaps(t, newWebZone(t, 300).Snapshots()[0], 1)
	for _, plugin := range []string{"file", "multicluster"} {
		t.Run(plugin, func(t *testing.T) {
			v := &zonesVolume{atomicVolume{t.TempDir()}, t, configMaps{}}
			for _, name := range []string{"zones", "zones-0", "zones-1"} {
				v.refresh(name, newest)
			}
			port := freePort(t)
			corefile := filepath.Join(t.TempDir(), "Corefile")
			text := fmt.Sprintf("clusterset.local:%d {\n bind 127.0.0.1\n file %s/db.clusterset.local\n}\n", port, v.dir)
			if plugin == "multicluster" {
				text = fmt.Sprintf("clusterset.local:%d {\n bind 127.0.0.1\n multicluster {\n directory %s\n startup_timeout 0\n }\n}\n", port, v.dir)
			}
			if err := os.WriteFile(corefile, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			server := run(t, coredns(t), "-conf", corefile)
			if plugin == "file" {
				if code := server.wait(); code != 1 {
					t.Errorf("it ends with %d", code)
				}
				server.waitOutput("chunk-[0-9a-f]{32}: no such file or directory")
				v.refresh("zones-2", newest)
				server.restart()
			} else {
				server.eventually("it says that it has no zone", func() error { return answers(t, port, "web-1.shop-1."+svc, "SERVFAIL") })
				v.refresh("zones-2", newest)
			}
			server.eventually("the zone is served", func() error { return answers(t, port, "web-1-0.invalid."+svc, "NXDOMAIN") })
		})
	}
}

// witness asks a server all the time for addresses of the zone.
type witness struct {
	t        testing.TB
	resolver *resolver
	done     chan struct{}
	ended    chan struct{}
	answers  int

	mu       sync.Mutex
	accepted []int
	last     int
}

func newWitness(t testing.TB, port int) *witness {
	w := &witness{t: t, resolver: newResolver(t, "udp", port), done: make(chan struct{}), ended: make(chan struct{}), accepted: []int{0}}
	go w.run()
	return w
}

// accept says which versions may be served from now on.
func (w *witness) accept(versions ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepted = versions
}

// generation is the version of the last answer.
func (w *witness) generation() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last
}

// end ends the questions and returns how many there were.
func (w *witness) end() int {
	close(w.done)
	<-w.ended
	return w.answers
}

func (w *witness) run() {
	defer close(w.ended)
	for i := 0; ; i = (i + 1) % 100 {
		select {
		case <-w.done:
			return
		default:
			w.look(i)
			w.answers++
		}
	}
}

// look asks for one of the services that change.
func (w *witness) look(service int) {
	w.mu.Lock()
	before := w.accepted
	w.mu.Unlock()
	query := new(dns.Msg).SetQuestion(fmt.Sprintf("web-%d.shop-%d.%s", service, service%50, svc), dns.TypeA)
	answer, _, err := (&dns.Client{Timeout: patience, UDPSize: dns.MaxMsgSize}).ExchangeWithConn(query, w.resolver.conn)
	if err != nil {
		w.t.Errorf("no answer: %v", err)
		return
	}
	versions := map[int]bool{}
	for _, rr := range answer.Answer {
		versions[int(rr.(*dns.A).A.To4()[1])-1] = true
	}
	if len(answer.Answer) != 10 || len(versions) != 1 {
		w.t.Errorf("not ten addresses of one version:\n%v", answer)
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for version := range versions {
		w.last = version
		if !slices.Contains(append(slices.Clone(before), w.accepted...), version) {
			w.t.Errorf("version %d is served, not one of %v", version, w.accepted)
		}
	}
}

// TestAtomicVolume: what a program sees of a volume, and the names behind it.
func TestAtomicVolume(t *testing.T) {
	v := atomicVolume{t.TempDir()}
	for _, payload := range []map[string]string{
		{"a": "1", "b": "1"}, {"a": "1", "b": "1"}, {"b": "2", "c": "2"}, {},
	} {
		if err := v.write(payload); err != nil {
			t.Fatal(err)
		}
		have := map[string]string{}
		folders := 0
		entries, err := os.ReadDir(v.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			switch name := entry.Name(); {
			case name == dataLink:
			case strings.HasPrefix(name, ".."):
				folders++
			default:
				have[name] = readFile(t, filepath.Join(v.dir, name))
			}
		}
		if !maps.Equal(have, payload) || folders != 1 {
			t.Errorf("%v with %d folders, want %v", have, folders, payload)
		}
	}
}
