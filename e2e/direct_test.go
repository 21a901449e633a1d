package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// fileServer is a server that loads zonegen's files itself.
type fileServer struct {
	*process
	port int
	// control is the command that talks to it, with what it takes to find it; empty if it sees changes by itself.
	control []string
}

// fileServers start those of the README on a folder, with its configurations, and let everybody on this machine
// transfer the zone clusterset.local.
var fileServers = map[string]func(t *testing.T, zones string) *fileServer{
	"CoreDNS `multicluster`": func(t *testing.T, zones string) *fileServer {
		return startCoreDNS(t, zones, readmeConfig(t, "corefile", 0, zones))
	},
	"CoreDNS `file`": func(t *testing.T, zones string) *fileServer {
		return startCoreDNS(t, zones, readmeConfig(t, "corefile", 1, zones))
	},
	"CoreDNS `auto`": func(t *testing.T, zones string) *fileServer {
		auto := regexp.MustCompile(`(?s)    auto \{.*?\n    \}\n`).FindString(readFile(t, "../corefile.example"))
		return startCoreDNS(t, zones, "clusterset.local:53 {\n"+strings.ReplaceAll(auto, "/zones", zones)+"}\n")
	},
	"BIND": func(t *testing.T, zones string) *fileServer {
		s, state, control := &fileServer{port: freePort(t)}, t.TempDir(), freePort(t)
		key, _ := transferKey(t, "control")
		options := strings.Replace(readmeSetting(t, "BIND", zones), "};", fmt.Sprintf("listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; dnssec-validation no; };", s.port), 1)
		config := filepath.Join(state, "named.conf")
		text := fmt.Sprintf("include %q;\n%s\ncontrols { inet 127.0.0.1 port %d allow { 127.0.0.1; } keys { control; }; };\n%s",
			key, options, control, strings.Replace(readmeConfig(t, "bind", 0, zones), "allow-transfer { none; }", "allow-transfer { 127.0.0.1; }", 1))
		put(t, config, text)
		s.control = []string{tool(t, "rndc", "bind9-utils"), "-k", key, "-s", "127.0.0.1", "-p", fmt.Sprint(control)}
		s.process = run(t, tool(t, "named", "bind9"), "-g", "-c", config)
		return s
	},
	"NSD": func(t *testing.T, zones string) *fileServer {
		s, state := &fileServer{port: freePort(t)}, t.TempDir()
		config, socket := filepath.Join(state, "nsd.conf"), filepath.Join(state, "nsd.sock")
		setting := strings.Replace(readmeSetting(t, "NSD", zones), "server: ", "server:\n ", 1)
		put(t, config, fmt.Sprintf("%s\n ip-address: 127.0.0.1@%d\n username: \"\"\n database: \"\"\n pidfile: \"\"\n xfrdfile: %q\n xfrdir: %q\n zonelistfile: %q\nremote-control:\n control-enable: yes\n control-interface: %q\n%s provide-xfr: 127.0.0.1 NOKEY\n",
			setting, s.port, state+"/xfrd", state, state+"/zones", socket, readmeConfig(t, "nsd", 0, zones)))
		s.control = []string{tool(t, "nsd-control", "nsd"), "-c", config}
		s.process = run(t, tool(t, "nsd", "nsd"), "-d", "-c", config)
		return s
	},
	"Knot": func(t *testing.T, zones string) *fileServer {
		s, state := &fileServer{port: freePort(t)}, t.TempDir()
		config := filepath.Join(state, "knot.conf")
		put(t, config, fmt.Sprintf("server:\n    rundir: %q\n    listen: 127.0.0.1@%d\ndatabase:\n    storage: %[1]q\nlog:\n  - target: stderr\n    any: info\nacl:\n  - id: local\n    address: 127.0.0.1\n    action: transfer\n%[3]s    acl: local\n",
			state, s.port, readmeConfig(t, "knot", 0, zones)))
		s.control = []string{tool(t, "knotc", "knot"), "-s", filepath.Join(state, "knot.sock")}
		s.process = run(t, tool(t, "knotd", "knot"), "-c", config)
		return s
	},
}

func startCoreDNS(t *testing.T, zones, text string) *fileServer {
	t.Helper()
	s := &fileServer{port: freePort(t)}
	config := filepath.Join(t.TempDir(), "Corefile")
	put(t, config, strings.Replace(text, ":53 {\n", fmt.Sprintf(":%d {\n transfer {\n to *\n }\n", s.port), 1))
	s.process = run(t, coredns(t), "-conf", config)
	return s
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// readmeConfig is a configuration in the README, for the zones in this folder.
func readmeConfig(t testing.TB, language string, i int, zones string) string {
	t.Helper()
	return regexp.MustCompile(`/zones\b`).ReplaceAllLiteralString(fences(t, language)[i], zones)
}

// readmeRow are the columns of the README's table of servers.
func readmeRow(t testing.TB, server string) []string {
	t.Helper()
	name, plugin, _ := strings.Cut(server, " ")
	row := regexp.MustCompile(`(?m)^\| ` + name + `[^|]*` + plugin + `[^|]*\|.*$`).FindString(readFile(t, "../README.md"))
	columns := strings.Split(row, "|")
	if len(columns) != 6 {
		t.Fatalf("the README has no row for %s", server)
	}
	return columns[1:5]
}

// readmeSetting is what the README says that a server needs, to find what is included.
func readmeSetting(t testing.TB, server, zones string) string {
	t.Helper()
	return strings.ReplaceAll(strings.Trim(readmeRow(t, server)[2], " `"), "/zones", zones)
}

// reload does what the README says that a change takes.
func (s *fileServer) reload(t testing.TB, server string) {
	t.Helper()
	command := strings.Fields(strings.Trim(readmeRow(t, server)[3], " `"))
	if s.control == nil {
		if command[0] != "nothing:" && command[0] != "nothing," {
			t.Fatalf("%s takes %q", server, command)
		}
		return
	}
	if got := filepath.Base(s.control[0]); got != command[0] {
		t.Fatalf("the README has %s do %q, not %s", server, command, got)
	}
	if out, err := exec.Command(s.control[0], append(s.control[1:], command[1:]...)...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}

// transfer returns the records of a zone that a server transfers, as text. dig writes them in a form that takes long to read.
func transfer(port int, origin string) ([]string, error) {
	records, err := receive(new(dns.Transfer), new(dns.Msg).SetAxfr(origin), loopback(port))
	return slices.Compact(texts(records)), err // the SOA is there twice
}

// TestServersLoadFiles has each server of the README load the files of a zonegen that follows manifests, in both layouts,
// and load them again after changes. What it transfers is what is in the files.
func TestServersLoadFiles(t *testing.T) {
	for _, layout := range []string{"single", "chunked"} {
		t.Run(layout, func(t *testing.T) {
			manifests, zones := t.TempDir(), t.TempDir()
			change := func(from, to int) {
				t.Helper()
				var text strings.Builder
				for i := from; i < to; i++ {
					fmt.Fprintf(&text, "---\napiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceImport\nmetadata: {namespace: ns-%d, name: web-%d}\nspec: {type: ClusterSetIP, ips: [10.7.%d.%d], ports: [{name: http, protocol: TCP, port: 80}]}\n", i%7, i, i>>8, i&255)
				}
				put(t, filepath.Join(manifests, "web.yaml"), text.String())
			}
			change(0, 1500)
			put(t, filepath.Join(manifests, "large.yaml"), largeService(300))
			file := filepath.Join(zones, "db.clusterset.local")
			d := &daemon{zones: zones, process: run(t, zonegen(t), "run", "-f", manifests, "--zone-dir", zones, "--layout", layout, "--http", loopback(freePort(t)))}
			d.waitOutput("msg=ready")
			if chunks, _ := filepath.Glob(filepath.Join(zones, "chunk-*")); (len(chunks) > 3) != (layout == "chunked") {
				t.Errorf("%d chunks", len(chunks))
			}
			servers := map[string]*fileServer{}
			for name, start := range fileServers {
				servers[name] = start(t, zones)
			}
			transferred := func() {
				t.Helper()
				serial := fmt.Sprintf(" %d 7200 ", d.serial(clusterset))
				want := texts(readZone(t, clusterset, file))
				for name, s := range servers {
					s.eventually(name+" has the zone of the file", func() error {
						if m, err := tryDig(t, s.port, "SOA", clusterset); err != nil || len(m.Answer) != 1 || !strings.Contains(m.Answer[0].String(), serial) {
							return fmt.Errorf("not yet serial%s: %v", serial, err)
						}
						got, err := transfer(s.port, clusterset)
						if err != nil {
							return err
						}
						if !slices.Equal(got, want) {
							return fmt.Errorf("it has %d records, the file %d", len(got), len(want))
						}
						return nil
					})
				}
			}
			transferred()
			for _, to := range []int{1501, 1200, 1600} {
				serial := d.serial(clusterset)
				change(to-1200, to)
				d.eventually("the change is published", func() error {
					if d.serial(clusterset) == serial {
						return fmt.Errorf("still serial %d", serial)
					}
					return nil
				})
				for name, s := range servers {
					s.reload(t, name)
				}
				transferred()
			}
			for name, s := range servers {
				if out := s.output(); regexp.MustCompile(`(?i)\berror\b.*(chunk-|include)`).MatchString(out) {
					t.Errorf("%s complains:\n%s", name, out)
				}
				s.stop()
			}
		})
	}
}
