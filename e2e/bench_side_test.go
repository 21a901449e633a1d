package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// ramDisk is where the zone folder is, as in a sidecar deployment with an emptyDir in memory.
const ramDisk = "/dev/shm"

// ramDir makes a folder on tmpfs.
func ramDir(t testing.TB) string {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(ramDisk, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		t.Fatalf("%s is no tmpfs (%v): mount one there", ramDisk, err)
	}
	dir, err := os.MkdirTemp(ramDisk, "zonegen-bench-")
	if err != nil {
		t.Fatal(err)
	}
	atEnd(func() { _ = os.RemoveAll(dir) }) // memory is not to be left behind
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// side is one way to serve a clusterset: the programs that take part, and the port of the answers.
type side struct {
	name      string
	port      int
	processes []*process
	http      string // of zonegen, if there is one
	dir       string // of its zones
}

// serve starts a CoreDNS with one plugin, on this core if it is not empty.
func serve(t testing.TB, name, core, plugin string) *side {
	t.Helper()
	s := &side{name: name, port: freePort(t)}
	s.processes = []*process{runCoreDNSOn(t, core, s.port, plugin)}
	return s
}

// runOn starts a program, on this core only if it is not empty.
func runOn(t testing.TB, core, path string, args ...string) *process {
	t.Helper()
	if core == "" {
		return run(t, path, args...)
	}
	return run(t, tool(t, "taskset", "util-linux"), append([]string{"-c", core, path}, args...)...) // which becomes it
}

// inMemory starts CoreDNS' own implementation, which watches the API.
func (p *population) inMemory(t testing.TB, core string) *side {
	t.Helper()
	s := serve(t, "kubernetes", core, inMemory(p.api.kubeconfig(t)))
	s.waitAll(t, p)
	return s
}

// ours starts zonegen, with a CoreDNS that serves its zone by our plugin.
func (p *population) ours(t testing.TB, layout string, args ...string) *side {
	t.Helper()
	dir := ramDir(t)
	daemon, http := p.zonegen(t, dir, append([]string{"--layout", layout}, args...)...)
	daemon.waitHTTP(http+"/readyz", 200)
	s := serve(t, "zonegen "+layout, "", multicluster(dir))
	s.processes, s.http, s.dir = append(s.processes, daemon), http, dir
	s.waitAll(t, p)
	return s
}

// inMemory is CoreDNS' own implementation in a Corefile.
func inMemory(kubeconfig string) string {
	return fmt.Sprintf("kubernetes %s {\n multicluster %[1]s\n kubeconfig %s\n}", clusterset, kubeconfig)
}

// multicluster is our plugin in a Corefile.
func multicluster(dir string) string {
	return fmt.Sprintf("multicluster %s {\n directory %s\n}", clusterset, dir)
}

// zonegen starts zonegen with its defaults, and returns it with the URL of its endpoints.
func (p *population) zonegen(t testing.TB, dir string, args ...string) (*process, string) {
	t.Helper()
	port := freePort(t)
	args = append([]string{
		"run", "--kubeconfig", p.api.kubeconfig(t), "--zone-dir", dir,
		"--http", loopback(port), "--log-level", "warn",
	}, args...)
	return run(t, zonegen(t), args...), fmt.Sprintf("http://127.0.0.1:%d", port)
}

// waitAll waits until the clusterset is served.
func (s *side) waitAll(t testing.TB, p *population) {
	t.Helper()
	watch := newProber(t, s.port)
	defer watch.close()
	for _, change := range p.present() {
		watch.until(t, change)
	}
}

// stop ends all programs of the side, and frees the memory of the zone folder.
func (s *side) stop() {
	for _, p := range s.processes {
		p.kill()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// cpu is the time that the side has had of the CPUs, in user and kernel mode.
func (s *side) cpu(t testing.TB) time.Duration {
	t.Helper()
	var sum time.Duration
	for _, p := range s.processes {
		sum += p.cpu(t)
	}
	return sum
}

// cpu is the time that the process has had of the CPUs.
func (p *process) cpu(t testing.TB) time.Duration {
	t.Helper()
	const scheduled = 2 // CPUCLOCK_SCHED of linux/posix-timers.h: clocks of other processes have numbers by this rule
	var used unix.Timespec
	if err := unix.ClockGettime(int32(^p.cmd.Process.Pid<<3|scheduled), &used); err != nil {
		t.Fatalf("CPU clock of %s: %v", p.name, err)
	}
	return time.Duration(used.Nano())
}

// memory is the resident set of the process in bytes, now and at its peak.
func (p *process) memory(t testing.TB) (now, peak float64) {
	t.Helper()
	status := func(field string) float64 {
		text := proc(t, filepath.Join(strconv.Itoa(p.cmd.Process.Pid), "status"), field+`:\s*(\d+) kB`)
		kib, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return float64(kib) * 1024
	}
	return status("VmRSS"), status("VmHWM")
}

// metric is the sum of a metric's values over its labels.
func metric(t testing.TB, http, name string) float64 {
	t.Helper()
	status, text, err := httpGet(http + "/metrics")
	if err != nil || status != 200 {
		t.Fatalf("metrics of %s: %d, %v", http, status, err)
	}
	sum, found := 0.0, false
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if base, _, _ := strings.Cut(key, "{"); base != name {
			continue
		}
		x, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		sum, found = sum+x, true
	}
	if !found {
		t.Fatalf("no metric %s at %s", name, http)
	}
	return sum
}

// untilSerial waits until a version of the zone is served. It asks little, since others measure meanwhile.
func (s *side) untilSerial(t testing.TB, serial uint32) {
	t.Helper()
	resolver, err := dns.DialTimeout("udp", loopback(s.port), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer resolver.Close()
	c := dns.Client{Timeout: patience}
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(5 * time.Millisecond) {
		answer, _, err := c.ExchangeWithConn(new(dns.Msg).SetQuestion(clusterset, dns.TypeSOA), resolver)
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Answer) == 1 && answer.Answer[0].(*dns.SOA).Serial == serial {
			return
		}
	}
	t.Fatalf("serial %d of %s is not served within %s", serial, clusterset, patience)
}
