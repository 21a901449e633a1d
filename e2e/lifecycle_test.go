package e2e

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	corev1 "k8s.io/api/core/v1"
)

var allZones = []string{clusterset, "in-addr.arpa.", "ip6.arpa."}

// TestServices takes services through their lives and asks stock CoreDNS servers with dig.
func TestServices(t *testing.T) {
	api := sharedAPI(t)
	ns := api.newNamespace(t, "services-")
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	for name, port := range servers(t, d.zones, allZones...) {
		t.Run(name, func(t *testing.T) { services(t, api, d, port, ns, name) })
	}
	if code := d.stop(); code != 0 {
		t.Errorf("SIGTERM ends zonegen with exit code %d", code)
	}
}

func services(t *testing.T, api *apiServer, d *daemon, port int, ns, prefix string) {
	becomes := func(what, question string, want ...string) {
		t.Helper()
		for _, network := range []string{" +notcp", " +tcp"} {
			eventually(t, what, func() error { return answers(t, port, question+network, want...) })
		}
	}
	zone := ns + "." + svc
	becomes("a namespace without services is NODATA", "A "+zone, "NODATA")
	becomes("a name that is not there", "A nope."+zone, "NXDOMAIN")

	web := clusterSetIPImport(ns, prefix+"-web", []string{"10.1.0.1"}, importPort("http", corev1.ProtocolTCP, 80), importPort("", corev1.ProtocolUDP, 53))
	name := web.Name + "." + zone
	api.create(t, web)
	becomes("a new import is served", "A "+name, "A 10.1.0.1")
	becomes("its ports", "SRV "+name, "SRV 0 50 80 "+name, "SRV 0 50 53 "+name)
	becomes("its named port", "SRV _http._tcp."+name, "SRV 0 100 80 "+name)
	becomes("no address of that family", "AAAA "+name, "NODATA")
	becomes("its address has a name", "-x 10.1.0.1", "PTR "+name)

	api.modify(t, web, func() { web.Spec.IPs = []string{"10.1.0.2", "fd00::2"} })
	becomes("a second family", "AAAA "+name, "AAAA fd00::2")
	becomes("a new address", "A "+name, "A 10.1.0.2")
	becomes("the old address has no name", "-x 10.1.0.1", "NXDOMAIN")
	becomes("the new one has", "-x fd00::2", "PTR "+name)

	db := headlessImport(ns, prefix+"-db", importPort("sql", corev1.ProtocolTCP, 5432))
	name = db.Name + "." + zone
	early := endpointSlice(db, "east", readyEndpoint("db-0", "10.2.0.1"), unreadyEndpoint("db-1", "10.2.0.2"))
	api.create(t, early)
	becomes("slices without their import are nothing", "A "+name, "NXDOMAIN")
	api.create(t, db)
	becomes("with it they are served", "A "+name, "A 10.2.0.1")
	api.create(t, endpointSlice(db, "WEST", readyEndpoint("", "10.3.0.1"), readyEndpoint("", "10.3.0.2")))
	becomes("another cluster joins", "A "+name, "A 10.2.0.1", "A 10.3.0.1", "A 10.3.0.2")
	becomes("an endpoint by its hostname", "A db-0.east."+name, "A 10.2.0.1")
	becomes("an endpoint by its address", "A 10-3-0-2.west."+name, "A 10.3.0.2")
	becomes("an endpoint that is not ready", "A db-1.east."+name, "NXDOMAIN")
	becomes("the endpoints' ports", "SRV _sql._tcp."+name, "SRV 0 33 5432 db-0.east."+name, "SRV 0 33 5432 10-3-0-1.west."+name, "SRV 0 33 5432 10-3-0-2.west."+name)
	becomes("an endpoint's address has a name", "-x 10.3.0.1", "PTR 10-3-0-1.west."+name)
	api.modify(t, early, func() { early.Endpoints[1].Conditions.Ready = nil })
	becomes("an endpoint becomes ready", "A db-1.east."+name, "A 10.2.0.2")
	d.checkAll()

	m := dig(t, port, "AXFR", clusterset)
	transferred, file := texts(m.Answer), texts(readZone(t, clusterset, d.file(clusterset)))
	soa := slices.IndexFunc(transferred, func(line string) bool { return strings.Contains(line, " SOA ") })
	if transferred = slices.Delete(transferred, soa, soa+1); !slices.Equal(transferred, file) {
		t.Errorf("AXFR and the file are not the same:\n%q\n%q", transferred, file)
	}

	api.remove(t, early)
	becomes("a slice goes", "A "+name, "A 10.3.0.1", "A 10.3.0.2")
	api.remove(t, db)
	becomes("an import goes", "A "+name, "NXDOMAIN")
	api.remove(t, web)
	becomes("and its reverse name", "-x 10.1.0.2", "NXDOMAIN")

	other := api.newNamespace(t, prefix+"-other-")
	becomes("a new namespace", "A "+other+"."+svc, "NODATA")
	api.deleteNamespace(t, other)
	becomes("a namespace that is gone", "A "+other+"."+svc, "NXDOMAIN")
}

// TestOutage stops the API server: answers go on. It starts again: changes arrive.
func TestOutage(t *testing.T) {
	api := privateAPI(t, "v1alpha1", "v1beta1")
	ns := api.newNamespace(t, "outage")
	web := clusterSetIPImport(ns, "web", []string{"10.1.0.1"})
	api.create(t, web)
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	port := servers(t, d.zones, allZones...)["file"]
	name := "web." + ns + "." + svc
	eventually(t, "the service is served", func() error { return answers(t, port, name, "A 10.1.0.1") })
	before, serial := readFile(t, d.file(clusterset)), d.serial(clusterset)

	api.stop(t)
	d.waitOutput("msg=.*(refused|EOF|reset|answers)")
	throughout(t, 2*time.Second, "answers go on", func() error { return answers(t, port, name, "A 10.1.0.1") })
	d.waitHTTP(d.http+"/readyz", 200)

	api.start(t)
	api.modify(t, web, func() { web.Spec.IPs = []string{"10.1.0.2"} })
	eventually(t, "the change arrives", func() error { return answers(t, port, name, "A 10.1.0.2") })
	if d.serial(clusterset) == serial || readFile(t, d.file(clusterset)) == before {
		t.Error("the file has not changed")
	}

	// A server that is away when zonegen starts.
	d.stop()
	api.stop(t)
	d.restart()
	if text := d.waitHTTP(d.http+"/readyz", 503); !strings.Contains(text, "waiting for") {
		t.Errorf("/readyz does not say what it waits for: %s", text)
	}
	throughout(t, time.Second, "the old file is served", func() error { return answers(t, port, name, "A 10.1.0.2") })
	api.start(t)
	d.ready()
}

// TestRestart kills zonegen and starts it again.
func TestRestart(t *testing.T) {
	api := sharedAPI(t)
	ns := api.newNamespace(t, "restart-")
	web := clusterSetIPImport(ns, "web", []string{"10.1.0.1"})
	api.create(t, web)
	// Only this test's namespace may make a difference to the reverse zone of 10.77.0.0/16.
	d := runZonegen(t, api.kubeconfig(t), "--reverse-cidr", "10.77.0.0/16")
	d.ready()
	port := servers(t, d.zones, clusterset)["file"]
	name := "web." + ns + "." + svc
	eventually(t, "the service is served", func() error { return answers(t, port, name, "A 10.1.0.1") })
	reverse := d.file("77.10.in-addr.arpa.")
	before, err := os.Stat(reverse)
	if err != nil {
		t.Fatal(err)
	}

	serial := d.serial(clusterset)
	for i := range 5 {
		gap := make(chan error, 1)
		served := make(chan struct{})
		go func() { // the old answer or the new one, at any moment
			defer close(gap)
			for {
				select {
				case <-served:
					return
				default:
				}
				old, now := answers(t, port, name, fmt.Sprintf("A 10.1.0.%d", i+1)), answers(t, port, name, fmt.Sprintf("A 10.1.0.%d", i+2))
				if old != nil && now != nil {
					// It may have become the new one between the two.
					if now = answers(t, port, name, fmt.Sprintf("A 10.1.0.%d", i+2)); now != nil {
						gap <- now
						return
					}
				}
			}
		}()
		d.kill()
		api.modify(t, web, func() { web.Spec.IPs = []string{fmt.Sprintf("10.1.0.%d", i+2)} })
		d.restart()
		eventually(t, "the change is served", func() error { return answers(t, port, name, fmt.Sprintf("A 10.1.0.%d", i+2)) })
		close(served)
		if err := <-gap; err != nil {
			t.Errorf("an answer that was never true: %v", err)
		}
		next := d.serial(clusterset)
		if next <= serial {
			t.Errorf("serial %d comes after %d", next, serial)
		}
		serial = next
	}
	after, err := os.Stat(reverse)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("a zone without changes was written again")
	}
}

// TestLateCRD starts zonegen before the Multi-Cluster Services API is installed, and takes the API away again.
func TestLateCRD(t *testing.T) {
	api := privateAPI(t)
	d := runZonegen(t, api.kubeconfig(t))
	if text := d.waitHTTP(d.http+"/readyz", 503); !strings.Contains(text, "ServiceImports") {
		t.Errorf("/readyz does not name what is missing: %s", text)
	}
	d.waitOutput("serves no serviceimports")
	if _, err := os.Stat(d.file(clusterset)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a zone is published before all is known: %v", err)
	}
	api.serve(t, "v1alpha1", "v1beta1")
	d.ready()
	ns := api.newNamespace(t, "late")
	api.create(t, clusterSetIPImport(ns, "web", []string{"10.1.0.1"}))
	hasWeb := func() error {
		if !strings.Contains(readFile(t, d.file(clusterset)), "$ORIGIN web.late.svc."+clusterset) {
			return errors.New("the service is not in the zone")
		}
		return nil
	}
	eventually(t, "the service is published", hasWeb)

	api.unserve(t)
	api.serve(t, "v1beta1")
	api.create(t, clusterSetIPImport(ns, "db", []string{"10.1.0.2"}))
	eventually(t, "services of the new CRD are published", func() error {
		if !strings.Contains(readFile(t, d.file(clusterset)), "$ORIGIN db.late.svc."+clusterset) {
			return errors.New("the new service is not in the zone")
		}
		return nil
	})
	if err := hasWeb(); err == nil {
		t.Error("a service that went with its CRD is still published")
	}
}

// TestVersions publishes services of an API that is served in one version only.
func TestVersions(t *testing.T) {
	for _, version := range []string{"v1alpha1", "v1beta1"} {
		t.Run(version, func(t *testing.T) {
			api := privateAPI(t, version)
			ns := api.newNamespace(t, "versions")
			web := clusterSetIPImport(ns, "web", []string{"10.1.0.1"}, importPort("http", corev1.ProtocolTCP, 80))
			if version == "v1alpha1" {
				api.create(t, asV1alpha1(web))
			} else {
				api.create(t, web)
			}
			d := runZonegen(t, api.kubeconfig(t))
			d.ready()
			found := false
			for _, rr := range readZone(t, clusterset, d.file(clusterset)) {
				if srv, ok := rr.(*dns.SRV); ok {
					found = found || srv.Hdr.Name == "_http._tcp.web.versions."+svc && srv.Port == 80
				}
			}
			if !found {
				t.Errorf("the service is not published:\n%s", readFile(t, d.file(clusterset)))
			}
		})
	}
}

// TestExamples applies the example manifests to the API server: what is published is what render makes of the files.
func TestExamples(t *testing.T) {
	api := privateAPI(t, "v1alpha1", "v1beta1")
	api.kubectl(t, "apply", "-f", "../examples")
	d := runZonegen(t, api.kubeconfig(t))
	d.ready()
	for _, origin := range allZones {
		render := run(t, zonegen(t), "render", strings.TrimSuffix(origin, "."), "-f", "../examples", "--serial", fmt.Sprint(d.serial(origin)))
		if code := render.wait(); code != 0 {
			t.Fatalf("render exits with %d", code)
		}
		want := render.output()
		got := readFile(t, d.file(origin))
		for _, own := range []string{"default", "kube-node-lease", "kube-public", "kube-system"} { // the API server's own
			got = strings.Replace(got, "$ORIGIN "+own+"."+svc+"\n_zonegen 5 TXT \"placeholder: the name above exists without records\"\n", "", 1)
		}
		if got != want {
			t.Errorf("%s: published:\n%s\nrendered:\n%s", origin, got, want)
		}
	}
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
