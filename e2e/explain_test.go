package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/clusterset-dns/zonegen/explain"
)

// explained is what zonegen explain says as JSON, with this exit code.
func explained(t testing.TB, code int, args ...string) *explain.Answer {
	t.Helper()
	out, _ := verb(t, code, append([]string{"explain", "--output", "json"}, args...)...)
	a := new(explain.Answer)
	if err := json.Unmarshal([]byte(out), a); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return a
}

// TestExplain explains names of a cluster, beside a server that says the same, and then one that is behind.
func TestExplain(t *testing.T) {
	api := privateAPI(t, "v1alpha1", "v1beta1")
	api.kubectl(t, "apply", "-f", "../examples")
	kubeconfig := api.kubeconfig(t)
	d := runZonegen(t, kubeconfig)
	d.ready()
	port := servers(t, d.zones, allZones...)["file"]
	eventually(t, "the zone is served", func() error { return answers(t, port, "A checkout.shop."+svc, "A 10.128.0.10") })
	server := "@" + loopback(port)

	// All owners of the zones, and what is above them.
	names := map[string]bool{"nope.shop." + svc: false, "x.y.z.web.sites." + svc: false, "web-2.tokyo.web.sites." + svc: false}
	for _, origin := range allZones {
		for _, rr := range readZone(t, origin, d.file(origin)) {
			names[rr.Header().Name] = true
			if _, above, _ := strings.Cut(rr.Header().Name, "."); strings.HasSuffix(above, svc) {
				names[above] = true
			}
		}
	}
	asked := 0
	for name, exists := range names {
		code := 0
		if !exists {
			code = 1
		}
		a := explained(t, code, name, server, "--kubeconfig", kubeconfig)
		for _, answer := range a.Server.Answers {
			asked++
			if !answer.Agrees {
				t.Errorf("%s %s: the server says %+v, zonegen %+v", name, answer.Type, answer, a)
			}
		}
	}
	if asked < 80 {
		t.Errorf("only %d answers were compared", asked)
	}

	api.kubectl(t, "-n", "media", "delete", "serviceimport", "thumbnails")
	if a := explained(t, 1, "media/thumbnails", "--kubeconfig", kubeconfig); !strings.Contains(strings.Join(a.Why, "; "), "EndpointSlices for it, 3 of them") {
		t.Errorf("%+v", a)
	}
	d.stop()
	api.kubectl(t, "-n", "shop", "patch", "serviceimport", "checkout", "--type=merge", "-p", `{"spec":{"ips":["10.128.0.99"]}}`)
	out, _ := verb(t, 1, "explain", "shop/checkout", server, "--kubeconfig", kubeconfig)
	for _, line := range []string{
		"checkout.shop.svc.clusterset.local. has records\n",
		"  checkout.shop.svc.clusterset.local. 5 A 10.128.0.99\n",
		"Server " + loopback(port) + "\n  A: 1 record, not what it should be\n    checkout.shop.svc.clusterset.local. 5 A 10.128.0.10\n",
		"  AAAA: NODATA, as it should be\n",
		"  SRV: 2 records, as it should be\n",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("%s\nwant %s", out, line)
		}
	}
	explained(t, 1, "10.128.0.99", server, "--kubeconfig", kubeconfig) // NXDOMAIN there
	if a := explained(t, 1, "10.128.0.10", server, "--kubeconfig", kubeconfig); a.Server.Agrees || a.Why[0] != "no service has this address" {
		t.Errorf("%+v", a)
	}
}

// TestKubectlPlugin has the real kubectl find zonegen as its plugin, and complete its command line.
func TestKubectlPlugin(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	api.kubectl(t, "apply", "-f", "../examples/headless.yaml")
	binaries, err := controlPlaneDir()
	if err != nil {
		t.Fatal(err)
	}
	plugins := t.TempDir()
	for _, name := range []string{"kubectl-zonegen", "kubectl_complete-zonegen"} {
		if err := os.Symlink(zonegen(t), filepath.Join(plugins, name)); err != nil {
			t.Fatal(err)
		}
	}
	kubectl := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(binaries, "kubectl"), args...)
		cmd.Env = append(os.Environ(), "PATH="+plugins+":"+os.Getenv("PATH"), "KUBECONFIG="+api.kubeconfig(t), "HOME="+plugins)
		cmd.Stderr = t.Output()
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("kubectl %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	for pattern, args := range map[string][]string{
		`/kubectl-zonegen\n`:                         {"plugin", "list"},
		`(?m)^  kubectl zonegen diff LEFT \[RIGHT\]`: {"zonegen", "diff", "--help"},
		`^web.sites.svc.clusterset.local. has rec`:   {"zonegen", "explain", "sites/web"},
		`(?m)^@ 5 IN SOA ns.dns hostmaster 1 7200`:   {"zonegen", "render", "--serial", "1"},
		`^sites/\n(.*\n)*:6\n`:                       {"__complete", "zonegen", "explain", "si"},
		`^sites/web\n:4\n`:                           {"__complete", "zonegen", "explain", "sites/"},
		`^text\njson\nnsupdate\n:4\n`:                {"__complete", "zonegen", "diff", "--output", ""},
	} {
		if out := kubectl(args...); !regexp.MustCompile(pattern).MatchString(out) {
			t.Errorf("kubectl %s: %s\nwant %s", strings.Join(args, " "), out, pattern)
		}
	}
}

// TestCompletion offers what is in the cluster, in either version of its API. Where there is none, it says nothing.
func TestCompletion(t *testing.T) {
	api := privateAPI(t, "v1alpha1")
	namespace := api.newNamespace(t, "completion")
	web := clusterSetIPImport(namespace, "web", []string{"10.1.0.1"})
	api.create(t, asV1alpha1(web))
	kubeconfig := api.kubeconfig(t)
	d := runZonegen(t, kubeconfig, "--configmap", namespace+"/zones")
	d.ready()
	d.stop()
	complete := func(want string, args ...string) {
		t.Helper()
		out, stderr := verb(t, 0, append(append([]string{"__complete", args[0], "--kubeconfig", kubeconfig}, args[1:]...), "")[:len(args)+3]...)
		if out != want || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: %q, %q, want %q", args, out, stderr, want)
		}
	}
	complete("completion/\n:6\n", "explain", "comp")
	complete("completion/web\n:4\n", "explain", "completion/")
	complete(":4\n", "explain", "nowhere/")
	complete("configmap:completion/\n:6\n", "diff", "configmap:comp")
	complete("configmap:completion/zones\n:4\n", "check", "configmap:completion/")
	complete("completion/zones\n:4\n", "run", "--configmap", "completion/")
	api.freeze(t)
	complete(":4\n", "explain", "completion/")
	api.thaw(t)
	api.stop(t)
	complete(":6\n", "explain", "comp")
	api.start(t)
}

// TestManual has groff read the manual pages of make man, which must not complain, and looks for all flags in them.
func TestManual(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "make", "-C", "..", "man").CombinedOutput(); err != nil { // builds, if need be
		t.Fatalf("make man: %v\n%s", err, out)
	}
	pages, err := filepath.Glob("../bin/man/*.1")
	if err != nil || len(pages) < 8 {
		t.Fatalf("%q, %v", pages, err)
	}
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".1")
		cmd := exec.Command(tool(t, "groff", "groff-base"), "-man", "-ww", "-Tascii", "-P-cbou", page)
		var complaints strings.Builder
		cmd.Stderr = &complaints
		out, err := cmd.Output()
		if err != nil || complaints.Len() > 0 {
			t.Errorf("groff %s: %v\n%s", page, err, complaints.String())
		}
		help, err := exec.Command(zonegen(t), append(strings.Split(name, "-")[1:], "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+)`).FindAllStringSubmatch(string(help), -1) {
			if !strings.Contains(string(out), flag[1]) {
				t.Errorf("%s does not have %s", page, flag[1])
			}
		}
		_, examples, _ := strings.Cut(string(help), "Examples:\n")
		for _, line := range regexp.MustCompile(`(?m)^ +zonegen .*$`).FindAllString(examples, -1) {
			if !strings.Contains(string(out), strings.TrimSpace(line)) {
				t.Errorf("%s does not have %q", page, line)
			}
		}
	}
}

// TestColor: there are colours on a terminal, unless the environment wants none, and else only when they are asked for.
func TestColor(t *testing.T) {
	dir := checkout(t)
	for _, command := range []string{
		"bin/zonegen render -f examples --serial 1 | sed s/10.128.0.10/10.128.0.11/ | bin/zonegen diff - -f examples",
		"bin/zonegen explain -f examples web.sites.svc.clusterset.local",
	} {
		colored := func(command string, env ...string) bool {
			t.Helper()
			cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), append([]string{"NO_COLOR=", "TERM=xterm"}, env...)...)
			out, err := cmd.Output()
			if err != nil && cmd.ProcessState.ExitCode() != 1 || len(out) == 0 {
				t.Fatalf("%s: %v", command, err)
			}
			return strings.Contains(string(out), "\x1b[")
		}
		terminal := func(command string) string {
			return fmt.Sprintf("%s -qec %q /dev/null", tool(t, "script", "bsdutils"), command)
		}
		for _, test := range []struct {
			command string
			env     string
			want    bool
		}{
			{terminal(command), "", true},
			{terminal(command), "NO_COLOR=1", false},
			{terminal(command), "TERM=dumb", false},
			{terminal(command + " --color never"), "", false},
			{terminal(command + " --output json"), "", false},
			{command, "", false},
			{command + " --color always", "", true},
		} {
			if got := colored(test.command, test.env); got != test.want {
				t.Errorf("%s, %q: coloured %t, want %t", test.command, test.env, got, test.want)
			}
		}
	}
}

// TestVerbExamples runs those examples of the help texts that need a name server or ConfigMaps, with a CoreDNS in the
// place of 10.96.0.10 and a BIND in that of 192.0.2.53.
func TestVerbExamples(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	api.kubectl(t, "apply", "-f", "../examples")
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(api.kubeconfig(t), filepath.Join(home, ".kube", "config")); err != nil {
		t.Fatal(err)
	}
	api.newNamespace(t, "dns")
	d := runZonegen(t, api.kubeconfig(t), "--configmap", "dns/zones")
	d.ready()
	port := servers(t, d.zones, allZones...)["file"]
	eventually(t, "the zone is served", func() error { return answers(t, port, "A checkout.shop."+svc, "A 10.128.0.10") })
	key, _ := transferKey(t, "key")
	stale := t.TempDir()
	verb(t, 0, "render", "-f", "../examples/headless.yaml", "--zone-dir", stale)
	bind := runUpdatable(t, key, filepath.Join(stale, "db.clusterset.local"), filepath.Join(stale, "db.in-addr.arpa"), filepath.Join(stale, "db.ip6.arpa"))
	open := freePort(t) // lets everybody transfer, as secondaries often do
	runCoreDNS(t, open, fmt.Sprintf("file %s clusterset.local\ntransfer {\n to *\n}", d.file(clusterset)))

	dir := checkout(t)
	for name, target := range map[string]string{"zonegen": zonegen(t), "key.conf": key} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	var ran []string
	for _, command := range []string{"", "check", "diff", "explain"} {
		help, _ := verb(t, 0, strings.Fields("help "+command)...)
		_, examples, _ := strings.Cut(help, "Examples:\n")
		for _, line := range regexp.MustCompile(`(?m)^  zonegen (?:check|diff|explain) .*$`).FindAllString(examples, -1) {
			line = strings.TrimSpace(line)
			if !strings.ContainsAny(line, "@:") && strings.Contains(line, " -f ") || slices.Contains(ran, line) {
				continue // run by the tests of cmd/zonegen
			}
			ran = append(ran, line)
			secondary := open
			if strings.Contains(line, "--tsig") {
				secondary = bind
			}
			script := strings.NewReplacer("@10.96.0.10", "@"+loopback(port), "@192.0.2.53", "@"+loopback(secondary), " /zones", " "+d.zones).Replace(line)
			cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "HOME="+home, "KUBECONFIG=")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
			}
		}
	}
	if len(ran) < 8 {
		t.Errorf("only %q were run", ran)
	}
	// The last one brought BIND up to date.
	verb(t, 0, "diff", "@"+loopback(bind), "--tsig", key, "--kubeconfig", api.kubeconfig(t))
}
