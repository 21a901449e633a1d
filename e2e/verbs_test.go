package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/clusterset-dns/zonegen/check"
	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// verb runs zonegen once, and wants this exit code.
func verb(t testing.TB, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	cmd := exec.CommandContext(t.Context(), zonegen(t), args...)
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&err, t.Output())
	if failed := cmd.Run(); failed != nil && cmd.ProcessState == nil {
		t.Fatal(failed)
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Fatalf("zonegen %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), err.String())
	}
	return out.String(), err.String()
}

// transferKey makes a TSIG key, and returns its file and its secret.
func transferKey(t testing.TB, name string) (file, secret string) {
	t.Helper()
	text, err := exec.Command(tool(t, "tsig-keygen", "bind9"), "-a", "hmac-sha256", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), name+".conf")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_, secret, _ = strings.Cut(string(text), `secret "`)
	secret, _, _ = strings.Cut(secret, `"`)
	return file, secret
}

// runUpdatable starts a BIND with a copy of these zone files. Who has the key may transfer and update them.
func runUpdatable(t testing.TB, key string, files ...string) (port int) {
	t.Helper()
	dir := t.TempDir()
	port = freePort(t)
	name := strings.TrimSuffix(filepath.Base(key), ".conf")
	config := fmt.Sprintf("include %q;\noptions { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; empty-zones-enable no; };\ncontrols { };\n", key, dir, port)
	for _, file := range files {
		base := filepath.Base(file)
		if err := os.WriteFile(filepath.Join(dir, base), []byte(readFile(t, file)), 0o600); err != nil {
			t.Fatal(err)
		}
		config += fmt.Sprintf("zone %q { type primary; file %q; allow-transfer { key %q; }; allow-update { key %[3]q; }; };\n", strings.TrimPrefix(base, "db."), base, name)
	}
	path := filepath.Join(dir, "named.conf")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := run(t, tool(t, "named", "bind9"), "-g", "-c", path, "-p", fmt.Sprint(port))
	p.eventually("BIND serves", func() error { return answers(t, port, "TXT dns-version."+clusterset, `TXT "1.1.0"`) })
	t.Cleanup(func() { p.stop() })
	return port
}

// update has nsupdate do what zonegen diff says, and fails the test if it or the server does not like that.
func update(t testing.TB, key, commands string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool(t, "nsupdate", "bind9-dnsutils"), "-v", "-k", key)
	cmd.Stdin = strings.NewReader(commands)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("nsupdate: %v\n%s\n%.4000s", err, out, commands)
	}
}

// TestDiffUpdate changes a cluster at random. After each change, what zonegen diff tells nsupdate makes a BIND answer
// like the cluster: by zonegen's own judgement, and by a transfer with dig that is compared with the file.
func TestDiffUpdate(t *testing.T) {
	api := privateAPI(t, "v1alpha1", "v1beta1")
	kubeconfig := api.kubeconfig(t)
	before := t.TempDir()
	verb(t, 0, "render", "--kubeconfig", kubeconfig, "--zone-dir", before)
	key, secret := transferKey(t, "transfer")
	var files []string
	for _, origin := range allZones {
		files = append(files, filepath.Join(before, "db."+strings.TrimSuffix(origin, ".")))
	}
	port := runUpdatable(t, key, files...)
	server := "@" + loopback(port)

	// Without the key, or with another one.
	_, stderr := verb(t, 2, "diff", server, "--kubeconfig", kubeconfig)
	if want := fmt.Sprintf("zonegen: %s: cannot transfer clusterset.local.: REFUSED; allow it there", server); !strings.Contains(stderr, want) {
		t.Errorf("%s, want %s", stderr, want)
	}
	wrong, other := transferKey(t, "transfer")
	_, stderr = verb(t, 2, "diff", server, "--kubeconfig", kubeconfig, "--tsig", wrong)
	if !strings.Contains(stderr, "NOTAUTH; the server has no such zone, or does not know the key transfer.: check its name") || strings.Contains(stderr, other) {
		t.Error(stderr)
	}
	_, stderr = verb(t, 2, "diff", server+"/example.org", before, "--tsig", key)
	if !strings.Contains(stderr, "NOTAUTH; the server has no such zone") || strings.Contains(stderr, secret) {
		t.Error(stderr)
	}

	state := newClusterState(t, api, 7)
	changed := 0
	for round := range 12 {
		for range 1 + state.rng.IntN(25) {
			state.mutate()
		}
		args := []string{"diff", server, "--tsig", key, "--kubeconfig", kubeconfig}
		if round == 5 { // all RRsets, SOA and NS change
			args = append(args, "--ttl", "9", "--nameserver", "192.0.2.1,fd00::53", "--nameserver", "ns.example.org")
		}
		if round >= 10 { // and go back
			args = append(args, "--nameserver", "ns2.example.org")
		}
		cmd := exec.CommandContext(t.Context(), zonegen(t), append(args, "--output", "nsupdate")...)
		commands, err := cmd.Output()
		if code := cmd.ProcessState.ExitCode(); code == 1 {
			changed++
		} else if code != 0 {
			t.Fatal(err)
		}
		update(t, key, string(commands))
		if out, _ := verb(t, 0, args...); out != "" {
			t.Fatalf("round %d: still different:\n%s", round, out)
		}
		after := filepath.Join(t.TempDir(), "zones")
		verb(t, 0, append([]string{"render", "--kubeconfig", kubeconfig, "--zone-dir", after}, args[6:]...)...)
		for _, origin := range allZones {
			got := texts(dig(t, port, "AXFR", origin, "-k", key).Answer)
			want := texts(readZone(t, origin, filepath.Join(after, "db."+strings.TrimSuffix(origin, "."))))
			if err := sameButSOA(got, want); err != nil {
				t.Fatalf("round %d: BIND's %s: %v", round, origin, err)
			}
		}
		verb(t, 0, "check", server, server+"/in-addr.arpa", server+"/ip6.arpa", "--tsig", key)
	}
	if changed < 10 {
		t.Errorf("only %d rounds changed anything", changed)
	}
}

// sameButSOA compares two zones, of which one may have its SOA twice.
func sameButSOA(got, want []string) error {
	count := func(lines []string) map[string]bool {
		set := make(map[string]bool)
		for _, line := range lines {
			if !strings.Contains(line, " SOA ") {
				set[line] = true
			}
		}
		return set
	}
	g, w := count(got), count(want)
	for line := range g {
		if !w[line] {
			return errors.New("too much: " + line)
		}
	}
	for line := range w {
		if !g[line] {
			return errors.New("missing: " + line)
		}
	}
	return nil
}

// TestDiffPlaces compares all kinds of places that have the same zones with each other, and then with a cluster that has
// changed: every pair says the same.
func TestDiffPlaces(t *testing.T) {
	api := privateAPI(t, "v1alpha1", "v1beta1")
	api.kubectl(t, "apply", "-f", "../examples")
	kubeconfig := api.kubeconfig(t)
	namespace := api.newNamespace(t, "dns")
	d := runZonegen(t, kubeconfig, "--configmap", namespace+"/zones")
	d.ready()
	chunked := filepath.Join(t.TempDir(), "chunked")
	verb(t, 0, "render", "--kubeconfig", kubeconfig, "--zone-dir", chunked, "--layout", "chunked")
	key, _ := transferKey(t, "transfer")
	port := freePort(t)
	runCoreDNS(t, port, fmt.Sprintf("multicluster clusterset.local in-addr.arpa ip6.arpa {\n directory %s\n}\ntransfer {\n to *\n}", chunked))
	bind := runUpdatable(t, key, d.file(clusterset), d.file("in-addr.arpa."), d.file("ip6.arpa."))
	flags := []string{"--kubeconfig", kubeconfig, "--tsig", "@" + loopback(bind) + "=" + key} // CoreDNS does not know it
	diff := func(code int, places ...string) string {
		t.Helper()
		out, _ := verb(t, code, append(append([]string{"diff"}, places...), flags...)...)
		return out
	}

	places := []string{"cluster", d.zones, chunked, "configmap:" + namespace + "/zones", "@" + loopback(bind), "@" + loopback(port)}
	for i, left := range places {
		for j, right := range places {
			if i != j {
				diff(0, left, right)
			}
		}
	}
	one := []string{d.file("ip6.arpa."), "configmap:" + namespace + "/zones/ip6.arpa", "@" + loopback(bind) + "/ip6.arpa", "@" + loopback(port) + "/ip6.arpa"}
	for _, left := range one {
		for _, right := range append(one, places...) {
			if left != right {
				diff(0, left, right)
			}
		}
	}
	verb(t, 0, append([]string{"check", d.zones}, flags...)...)
	verb(t, 0, append([]string{
		"check", "configmap:" + namespace + "/zones", "@" + loopback(bind), "@" + loopback(port), "@" + loopback(port) + "/in-addr.arpa", "@" + loopback(port) + "/ip6.arpa",
	}, flags...)...)
	// A key for all is one for CoreDNS, too.
	if _, stderr := verb(t, 2, "diff", "@"+loopback(bind), "@"+loopback(port), "--tsig", key); !strings.Contains(stderr, "give the key to another server only: --tsig @SERVER=FILE") {
		t.Error(stderr)
	}

	d.stop()
	api.kubectl(t, "-n", "shop", "patch", "serviceimport", "checkout", "--type=merge", "-p", `{"spec":{"ips":["10.128.0.99"]}}`)
	for _, place := range places[1:] {
		out := diff(1, place)
		for _, line := range []string{
			"-checkout.shop.svc.clusterset.local. 5 A 10.128.0.10\n+checkout.shop.svc.clusterset.local. 5 A 10.128.0.99\n",
			"-10.0.128.10.in-addr.arpa. 5 PTR checkout.shop.svc.clusterset.local.\n",
			"+99.0.128.10.in-addr.arpa. 5 PTR checkout.shop.svc.clusterset.local.\n",
		} {
			if !strings.Contains(out, line) || strings.Count(out, "\n") != 8 {
				t.Errorf("%s and the cluster:\n%s\nwant %s", place, out, line)
			}
		}
	}
	if out, _ := verb(t, 1, "diff", "@"+loopback(port), "--kubeconfig", kubeconfig, "--output", "json"); !strings.Contains(out, `"left": "@`+loopback(port)+`"`) {
		t.Error(out)
	}

	// What is not there, or not allowed.
	for want, args := range map[string][]string{
		"get configmap dns/nope: configmaps \"nope\" not found; see which there are: kubectl --namespace dns get configmaps":   {"check", "configmap:dns/nope", "--kubeconfig", kubeconfig},
		"there is no key db.example.org; there is db.clusterset.local, db.in-addr.arpa, db.ip6.arpa":                           {"check", "configmap:dns/zones/example.org", "--kubeconfig", kubeconfig},
		"allow it to get configmaps there: kubectl --namespace dns create role zonegen-read --verb=get --resource=configmaps ": {"check", "configmap:dns/zones", "--kubeconfig", api.kubeconfigOf(t, "nobody")},
		"has no zones: none of its keys is db.ZONE": {"check", "configmap:dns/kube-root-ca.crt", "--kubeconfig", kubeconfig},
	} {
		if strings.Contains(args[1], "kube-root-ca.crt") {
			api.kubectl(t, "-n", "dns", "create", "configmap", "kube-root-ca.crt", "--from-literal=ca.crt=x")
		}
		if _, stderr := verb(t, 2, args...); !strings.Contains(stderr, want) {
			t.Errorf("%v: %s, want %s", args, stderr, want)
		}
	}
}

// TestDiffLarge transfers and updates a zone that takes many messages, each of which is signed.
func TestDiffLarge(t *testing.T) {
	set := newWebZone(t, 2000)
	write := func() string {
		file := filepath.Join(t.TempDir(), "db.clusterset.local")
		if err := os.WriteFile(file, set.Snapshots()[0].Append(nil, 7), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	file := write()
	key, _ := transferKey(t, "transfer")
	server := "@" + loopback(runUpdatable(t, key, file))
	verb(t, 0, "diff", server, file, "--tsig", key)
	for i := range 1000 {
		set.apply(tenEndpoints(i, 1))
	}
	file = write()
	commands, stderr := verb(t, 1, "diff", server, file, "--tsig", key, "--output", "nsupdate")
	if n := strings.Count(commands, "send\n"); n < 10 || !strings.Contains(stderr, "11000 of 26005 RRsets differ") {
		t.Errorf("%d messages; %s", n, stderr)
	}
	update(t, key, commands)
	verb(t, 0, "diff", server, file, "--tsig", key)
}

// TestReadConfigMaps reads a zone of many chunks while it changes and old chunks go at once: what is read is always whole.
func TestReadConfigMaps(t *testing.T) {
	api := sharedAPI(t)
	m := newZoneMap(t, api.newNamespace(t, "read-"), func(o *publish.ConfigMapOptions, _ *rest.Config) { o.ChunkGrace = time.Second })
	set := newWebZone(t, 2000)
	m.publish(set.Snapshots())
	config := rest.CopyConfig(api.config)
	config.QPS = -1
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 40 {
			set.apply(tenEndpoints(i*50, 1))
			m.now = m.now.Add(time.Hour)
			if _, err := m.Publish(t.Context(), set.Snapshots()); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	defer func() { <-done }()
	for reads := 0; ; reads++ {
		files, err := publish.ReadConfigMaps(t.Context(), clients.CoreV1(), m.namespace, "zones")
		if err != nil {
			t.Fatal(err)
		}
		root, err := files.Open("db.clusterset.local")
		if err != nil {
			t.Fatal(err)
		}
		z, err := check.Read(root, check.Source{Name: "zone", Origin: clusterset, Include: files.Open})
		if err != nil || z.Unreadable != nil || len(z.Records) != 80005 {
			t.Fatalf("%v, %v, %d records", err, z.Unreadable, len(z.Records))
		}
		select {
		case <-done:
			t.Logf("%d reads", reads)
			if reads < 2 {
				t.Error("it was hardly read")
			}
			return
		default:
		}
	}
}

// TestDiffChunkedConfigMap compares a zone that takes many ConfigMaps with the same in a file, and finds the one chunk
// that somebody has changed or removed.
func TestDiffChunkedConfigMap(t *testing.T) {
	api := sharedAPI(t)
	m := newZoneMap(t, api.newNamespace(t, "diff-chunked-"), nil)
	set := newWebZone(t, 2000)
	m.publish(set.Snapshots())
	if n := len(m.list()); n < 3 {
		t.Fatalf("only %d ConfigMaps", n)
	}
	file := filepath.Join(t.TempDir(), "db.clusterset.local")
	if err := os.WriteFile(file, set.Snapshots()[0].Append(nil, zone.NextSerial(0, m.now)), 0o600); err != nil {
		t.Fatal(err)
	}
	place := "configmap:" + m.namespace + "/zones"
	kubeconfig := api.kubeconfig(t)
	verb(t, 0, "diff", place, file, "--kubeconfig", kubeconfig)
	verb(t, 0, "check", place, "--kubeconfig", kubeconfig)

	set.apply(tenEndpoints(7, 1))
	m.publish(set.Snapshots())
	out, _ := verb(t, 1, "diff", file, place, "--kubeconfig", kubeconfig)
	if !strings.Contains(out, "+web-0.east.web-7.shop-7.svc.clusterset.local. 0 A 10.1.7.1\n") {
		t.Error(out)
	}
	shard := m.list()["zones-0"]
	for name := range shard.Data {
		delete(shard.Data, name)
	}
	if err := api.Update(t.Context(), shard); err != nil {
		t.Fatal(err)
	}
	_, stderr := verb(t, 2, "diff", file, place, "--kubeconfig", kubeconfig)
	if !strings.Contains(stderr, ": include: $INCLUDE chunk-") || !strings.Contains(stderr, "is not in configmap "+m.namespace+"/zones") {
		t.Error(stderr)
	}
}
