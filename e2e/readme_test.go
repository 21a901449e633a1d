package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// fences returns the code blocks of the README in this language.
func fences(t testing.TB, language string) []string {
	t.Helper()
	var blocks []string
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(readFile(t, "../README.md"), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("the README has no %s blocks", language)
	}
	return blocks
}

// checkout is a folder that looks like a built clone of the repository.
func checkout(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"bin/zonegen": zonegen(t), "examples": examples} {
		link := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// whileServed marks the commands of the README that ask the server of make run. They are run by TestMakeRun.
const whileServed = "@127.0.0.1:1053"

// TestReadmeConsole runs the commands whose output the README shows. That of make run is compared by TestMakeRun.
func TestReadmeConsole(t *testing.T) {
	dir := checkout(t)
	ran := 0
	for _, block := range fences(t, "console") {
		command, want, _ := strings.Cut(strings.TrimPrefix(block, "$ "), "\n")
		if strings.HasPrefix(want, "…") || strings.Contains(command, whileServed) {
			continue
		}
		ran++
		cmd := exec.Command("bash", "-c", command)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() == 1 && regexp.MustCompile(`zonegen (diff|explain) `).MatchString(command) {
			err = nil // there are differences, or there is no such name
		}
		if err != nil || string(out) != want {
			t.Errorf("$ %s: %v\n%s\nREADME:\n%s", command, err, out, want)
		}
	}
	if ran < 2 {
		t.Errorf("%d commands ran", ran)
	}
}

// TestReadmeCommands runs the commands of the README as their user would: kubectl grants what the service account of
// zonegen needs, and no more is needed.
func TestReadmeCommands(t *testing.T) {
	api := privateAPI(t, "v1alpha1", "v1beta1")
	dir, home := checkout(t), t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := strings.NewReplacer("current-context: ", "current-context: not-", "name: envtest", "name: production", "user: envtest", "user: production", "cluster: envtest", "cluster: production").
		Replace(readFile(t, api.kubeconfigOf(t, "system:serviceaccount:dns:zonegen")))
	if err := os.WriteFile(filepath.Join(home, ".kube/config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, block := range fences(t, "sh") {
		for _, command := range strings.Split(strings.TrimSpace(strings.ReplaceAll(block, "\\\n", " ")), "\n") {
			if rest, ok := strings.CutPrefix(command, "kubectl "); ok {
				api.kubectl(t, strings.Fields(rest)...)
				continue
			}
			if strings.HasPrefix(command, "ln ") {
				link(t, dir, home, command)
				continue
			}
			switch command { // in a Pod
			case "zonegen run":
				command += " --zone-dir ./zones --kubeconfig ~/.kube/config --context production"
			case "zonegen run --configmap dns/zones":
				command += " --kubeconfig ~/.kube/config --context production"
			}
			if !strings.HasPrefix(command, "zonegen ") {
				t.Fatalf("what kind of a command is %q?", command)
			}
			port := freePort(t)
			p := run(t, "/usr/bin/env", "-C", dir, "HOME="+home, "bash", "-c",
				fmt.Sprintf("exec bin/%s --http 127.0.0.1:%d", command, port))
			if strings.Contains(block, "kubectl") || strings.Contains(command, "-f ") || granted(t, api) {
				p.waitHTTP(fmt.Sprintf("http://127.0.0.1:%d/readyz", port), http.StatusOK)
			} else {
				p.waitOutput("kubectl create clusterrole") // the command that helps
			}
			if code := p.stop(); code != 0 {
				t.Errorf("%s: exit code %d", command, code)
			}
		}
	}
	if !granted(t, api) {
		t.Error("the README grants nothing")
	}
}

// link makes a link that the README tells to make, and makes sure that it leads to zonegen.
func link(t testing.TB, dir, home, command string) {
	t.Helper()
	bin := filepath.Join(home, ".local", "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", command+" && $_ version")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "HOME="+home)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) == 0 {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}

// granted reports whether the README's ClusterRole is there, and that it holds nothing but what is needed.
func granted(t testing.TB, api *apiServer) bool {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "zonegen"}}
	if api.gone(t, role) == nil {
		return false
	}
	for _, rule := range role.Rules {
		if len(rule.Verbs) != 2 || len(rule.Resources) != 1 {
			t.Errorf("too much is granted: %v", rule)
		}
	}
	return true
}

// TestReadmeTables compares the flags and metrics with those of the program.
func TestReadmeTables(t *testing.T) {
	readme := readFile(t, "../README.md")
	help := exec.Command(zonegen(t), "run", "--help")
	out, err := help.Output()
	if err != nil {
		t.Fatal(err)
	}
	section := func(heading string) string {
		_, rest, _ := strings.Cut(readme, heading+"\n")
		text, _, _ := strings.Cut(rest, "\n#")
		return text
	}
	compare := func(what, text, documented, pattern string) {
		t.Helper()
		set := func(text string) map[string]bool {
			found := make(map[string]bool)
			for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
				found[m[1]] = true
			}
			return found
		}
		have, told := set(text), set(documented)
		for name := range have {
			if !told[name] {
				t.Errorf("%s %s is not in the README", what, name)
			}
		}
		for name := range told {
			if !have[name] {
				t.Errorf("%s %s of the README does not exist", what, name)
			}
		}
		if len(have) < 5 {
			t.Errorf("only %d %ss", len(have), what)
		}
	}
	_, flags, _ := strings.Cut(strings.ReplaceAll(string(out), "--help", ""), "Flags:")
	compare("flag", regexp.MustCompile(`(?m)^ +(-\w, )?(--[a-z-]+)`).ReplaceAllString(flags, "FLAG $2 "), tableFlags(section("### Flags of `zonegen run`")), `FLAG (--[a-z-]+)`)

	api := sharedAPI(t)
	d := runZonegen(t, api.kubeconfig(t), "--configmap", api.newNamespace(t, "readme-")+"/zones") // all metrics that there are
	d.ready()
	metrics := d.waitHTTP(d.http+"/metrics", http.StatusOK)
	var rows strings.Builder
	for _, row := range regexp.MustCompile("(?m)^\\| `(zonegen_[a-z_]+)` \\|([^|]*)\\|").FindAllStringSubmatch(section("### Metrics"), -1) {
		fmt.Fprintf(&rows, "# TYPE %s\n", row[1])
		labels := sortedMatches("`([a-z_]+)`", row[2])
		for _, sample := range regexp.MustCompile(`(?m)^`+row[1]+`(?:_bucket|_sum|_count)?(|{.*}) `).FindAllStringSubmatch(metrics, -1) {
			if got := slices.DeleteFunc(sortedMatches(`([a-z_]+)="`, sample[1]), func(l string) bool { return l == "le" }); !slices.Equal(got, labels) {
				t.Errorf("%s has the labels %q, those of the README are %q", row[1], got, labels)
				break
			}
		}
	}
	compare("metric", metrics, rows.String(), `# TYPE (zonegen_[a-z_]+)`)
}

// sortedMatches are the first submatches of all matches of the pattern in text, in order.
func sortedMatches(pattern, text string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return found
}

// tableFlags writes the flags in the first column of a table as "FLAG --name".
func tableFlags(table string) string {
	var b strings.Builder
	for _, line := range strings.Split(table, "\n") {
		if column, _, ok := strings.Cut(strings.TrimPrefix(line, "|"), "|"); ok {
			b.WriteString(regexp.MustCompile("`(--[a-z-]+)`").ReplaceAllString(column, "FLAG $1 "))
		}
	}
	return b.String()
}

// TestMakeRun runs make run, and then the dig commands that it prints, which are those of the README, and what else the
// README asks its server.
func TestMakeRun(t *testing.T) {
	ports := []string{"DNS_PORT", "HTTP_PORT", "HEALTH_PORT", "READY_PORT", "METRICS_PORT"}
	args := []string{"-C", "..", "run"}
	dnsPort := 0
	for i, name := range ports {
		port := freePort(t)
		if i == 0 {
			dnsPort = port
		}
		args = append(args, fmt.Sprintf("%s=%d", name, port))
	}
	p := run(t, "make", args...)
	p.waitOutput("Ctrl-C ends both")
	readme := strings.ReplaceAll(readFile(t, "../README.md"), "1053", fmt.Sprint(dnsPort))
	digs := regexp.MustCompile(`(?m)^  dig @127.0.0.1 -p \d+ .*$`).FindAllString(p.output(), -1)
	if len(digs) < 5 {
		t.Errorf("make run prints %d dig lines", len(digs))
	}
	for _, line := range digs {
		if !strings.Contains(readme, line) {
			t.Errorf("not in the README: %s", line)
		}
		out, err := exec.Command("bash", "-c", line+"\n").CombinedOutput()
		if err != nil || !regexp.MustCompile(`(?m)^[^;\n].*\sIN\s`).Match(out) {
			t.Errorf("%s: %v\n%s", line, err, out)
		}
	}
	asked := 0
	for _, block := range fences(t, "console") {
		if command, want, _ := strings.Cut(strings.TrimPrefix(block, "$ "), "\n"); strings.Contains(command, whileServed) {
			asked++
			cmd := exec.Command("bash", "-c", strings.ReplaceAll(command, whileServed, "@"+loopback(dnsPort)))
			cmd.Dir = ".."
			if out, err := cmd.CombinedOutput(); err != nil || strings.ReplaceAll(string(out), loopback(dnsPort), whileServed[1:]) != want {
				t.Errorf("$ %s: %v\n%s\nREADME:\n%s", command, err, out, want)
			}
		}
	}
	if asked == 0 {
		t.Errorf("the README asks nothing at %s", whileServed)
	}
	p.stop()
	eventually(t, "nothing of it is left running", func() error { return tryPort(dnsPort) })
}

// largeService is a manifest of a service whose records do not fit into a DNS message.
func largeService(endpoints int) string {
	var b strings.Builder
	b.WriteString("apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceImport\nmetadata: {namespace: shop, name: large}\nspec: {type: Headless, ports: []}\n")
	for i := range endpoints {
		if i%1000 == 0 {
			fmt.Fprintf(&b, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  namespace: shop\n  name: large-%d\n  labels: {multicluster.kubernetes.io/service-name: large, multicluster.kubernetes.io/source-cluster: east}\naddressType: IPv4\nports: [{name: http, protocol: TCP, port: 80}]\nendpoints:\n", i)
		}
		fmt.Fprintf(&b, "- addresses: [10.7.%d.%d]\n", i>>8, i&255)
	}
	return b.String()
}

// TestReadmeServers serves a zone with the README's configurations of other servers.
func TestReadmeServers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	zones := filepath.Join(dir, "zones")
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, []byte(largeService(6000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := run(t, zonegen(t), "render", "-f", "../examples", "-f", large, "--zone-dir", zones).wait(); code != 0 {
		t.Fatalf("render: %d", code)
	}
	config := func(t *testing.T, name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	snippet := func(t *testing.T, language string) string {
		return regexp.MustCompile(`/zones\b`).ReplaceAllLiteralString(fences(t, language)[0], zones)
	}
	starts := map[string]func(t *testing.T, port int, state string) *process{
		"bind": func(t *testing.T, port int, state string) *process {
			text := fmt.Sprintf("options { directory %q; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; recursion no; };\ncontrols { };\n%s", state, port, snippet(t, "bind"))
			return run(t, tool(t, "named", "bind9"), "-g", "-c", config(t, "named.conf", text), "-p", fmt.Sprint(port))
		},
		"nsd": func(t *testing.T, port int, state string) *process {
			text := fmt.Sprintf("server:\n ip-address: 127.0.0.1\n port: %d\n username: \"\"\n chroot: \"\"\n zonesdir: \"\"\n database: \"\"\n pidfile: \"\"\n xfrdfile: %q\n xfrdir: %q\n zonelistfile: %q\n server-count: 1\nremote-control:\n control-enable: no\n%s", port, state+"/xfrd", state, state+"/zones", snippet(t, "nsd"))
			return run(t, tool(t, "nsd", "nsd"), "-d", "-c", config(t, "nsd.conf", text))
		},
		"knot": func(t *testing.T, port int, state string) *process {
			text := fmt.Sprintf("server:\n    rundir: %q\n    listen: 127.0.0.1@%d\ndatabase:\n    storage: %q\nlog:\n  - target: stderr\n    any: info\n%s", state, port, state, snippet(t, "knot"))
			return run(t, tool(t, "knotd", "knot"), "-c", config(t, "knot.conf", text))
		},
	}
	for i, corefile := range fences(t, "corefile") {
		starts[fmt.Sprintf("corefile %d", i)] = func(t *testing.T, port int, _ string) *process {
			text := regexp.MustCompile(`/zones\b`).ReplaceAllLiteralString(corefile, zones)
			return run(t, coredns(t), "-conf", config(t, "Corefile", strings.ReplaceAll(text, ":53 {", fmt.Sprintf(":%d {", port))))
		}
	}
	for language, start := range starts {
		t.Run(language, func(t *testing.T) {
			port := freePort(t)
			p := start(t, port, t.TempDir())
			p.eventually("the zone is served", func() error {
				return answers(t, port, "web-0.tokyo.web.sites."+svc, "A 10.61.2.8")
			})
			// A whole answer by TCP, as large as they come.
			tcp := newResolver(t, "tcp", port)
			for qtype, want := range map[uint16]int{dns.TypeA: 4062, dns.TypeSRV: 969} {
				// CoreDNS sets TC if the additional section does not fit, too.
				if m := tcp.ask("large.shop."+svc, qtype); len(m.Answer) != want {
					t.Errorf("%s of the large service: %d records, want %d", dns.TypeToString[qtype], len(m.Answer), want)
				}
			}
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
			p.wait()
		})
	}
}
