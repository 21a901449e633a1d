package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// editKubeconfig writes a changed copy of a kubeconfig. Its cluster, user and context are called envtest.
func editKubeconfig(t testing.TB, path string, edit func(*clientcmdapi.Config)) string {
	t.Helper()
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		t.Fatal(err)
	}
	edit(config)
	edited := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*config, edited); err != nil {
		t.Fatal(err)
	}
	return edited
}

// withServer is an administrator's kubeconfig with another address of the API server.
func (a *apiServer) withServer(t testing.TB, url string) string {
	t.Helper()
	return editKubeconfig(t, a.kubeconfig(t), func(c *clientcmdapi.Config) { c.Clusters["envtest"].Server = url })
}

// withUser is a kubeconfig with other credentials.
func (a *apiServer) withUser(t testing.TB, user clientcmdapi.AuthInfo) string {
	t.Helper()
	return editKubeconfig(t, a.kubeconfig(t), func(c *clientcmdapi.Config) { c.AuthInfos["envtest"] = &user })
}

// verbose runs zonegen with all that it can log. None of the secrets may stand in it.
func verbose(t testing.TB, kubeconfig string, secrets ...string) *daemon {
	t.Helper()
	d := runZonegen(t, kubeconfig, "--log-level", "debug")
	d.keeps(secrets...)
	return d
}

// keeps makes sure that the process has printed no secret when the test ends.
func (p *process) keeps(secrets ...string) {
	p.t.Cleanup(func() {
		for _, secret := range secrets {
			if strings.Contains(p.output(), secret) {
				p.t.Errorf("the secret %q stands in the log", secret)
			}
		}
	})
}

// waitsFor waits until /readyz says that zonegen is not ready because of something that matches the pattern, and
// returns what it says. The log must say the same.
func (d *daemon) waitsFor(pattern string) string {
	d.t.Helper()
	text := ""
	d.eventually("/readyz says "+pattern, func() error {
		status, body, err := httpGet(d.http + "/readyz")
		if err != nil {
			return err
		}
		if status != 503 || !regexp.MustCompile(pattern).MatchString(body) {
			return fmt.Errorf("%d %s", status, body)
		}
		text = body
		return nil
	})
	if _, err := os.Stat(d.file(clusterset)); err == nil {
		d.t.Error("a zone is published before all is known")
	}
	return text
}

// TestAccessFinal: what waiting cannot help ends zonegen at once, with exit code 2.
func TestAccessFinal(t *testing.T) {
	api := sharedAPI(t)
	good := api.kubeconfig(t)
	dir := t.TempDir()
	noYAML := filepath.Join(dir, "noyaml")
	if err := os.WriteFile(noYAML, []byte("apiVersion: v1\nkind: [Config"), 0o600); err != nil {
		t.Fatal(err)
	}
	edited := func(edit func(*clientcmdapi.Config)) string { return editKubeconfig(t, good, edit) }
	for name, c := range map[string]struct {
		args []string
		want string // what it prints
	}{
		"no such file":    {[]string{"--kubeconfig", filepath.Join(dir, "nope")}, `--kubeconfig \S+/nope: .*no such file or directory; check the path`},
		"no YAML":         {[]string{"--kubeconfig", noYAML}, `--kubeconfig \S+/noyaml: .*yaml: line 2: `},
		"a folder":        {[]string{"--kubeconfig", dir}, `--kubeconfig \S+: .*is a directory`},
		"empty":           {[]string{"--kubeconfig", os.DevNull}, `--kubeconfig /dev/null is empty`},
		"unknown context": {[]string{"--kubeconfig", good, "--context", "prod"}, `--context: --kubeconfig \S+ has no context "prod": there is envtest\n`},
		"no context":      {[]string{"--kubeconfig", edited(func(c *clientcmdapi.Config) { c.CurrentContext = "" })}, `has no current-context: choose one with --context: there is envtest\n`},
		"unknown user":    {[]string{"--kubeconfig", edited(func(c *clientcmdapi.Config) { delete(c.AuthInfos, "envtest") })}, `context "envtest": there is no user "envtest"`},
		"unknown cluster": {[]string{"--kubeconfig", edited(func(c *clientcmdapi.Config) { delete(c.Clusters, "envtest") })}, `context "envtest": .*"envtest"`},
		"no URL":          {[]string{"--kubeconfig", api.withServer(t, "https://a b/")}, `"https://a b/"`},
		"missing CA": {[]string{"--kubeconfig", edited(func(c *clientcmdapi.Config) {
			c.Clusters["envtest"].CertificateAuthorityData, c.Clusters["envtest"].CertificateAuthority = nil, "/nope.crt"
		})}, `/nope.crt: no such file or directory; check the path`},
		"CA that is none":  {[]string{"--kubeconfig", edited(func(c *clientcmdapi.Config) { c.Clusters["envtest"].CertificateAuthorityData = []byte("x") })}, `the kubeconfig's credentials for https://\S+ cannot be used: .*`},
		"missing plugin":   {[]string{"--kubeconfig", api.withUser(t, clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{Command: "no-such-plugin", APIVersion: "client.authentication.k8s.io/v1", InteractiveMode: "Never", InstallHint: "install it with care"}})}, `the credential plugin of the kubeconfig is missing: .*no-such-plugin.*: install it with care`},
		"no access at all": {nil, `no access to a cluster: this is no pod, and ~/.kube/config does not exist: pass --kubeconfig FILE, or read manifests with -f\n`},
	} {
		t.Run(name, func(t *testing.T) {
			zones := filepath.Join(t.TempDir(), "zones")
			p := run(t, "/usr/bin/env", append([]string{"-u", "KUBECONFIG", "HOME=" + dir, zonegen(t), "run", "--zone-dir", zones, "--http", ""}, c.args...)...)
			if code := p.wait(); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			if !regexp.MustCompile("^zonegen: .*" + c.want).MatchString(p.output()) {
				t.Errorf("it says %q, want %q", p.output(), c.want)
			}
			if _, err := os.Stat(zones); err == nil {
				t.Error("the folder was made")
			}
		})
	}
}

// TestAccessServerAway: an address at which nobody answers is tried again, until somebody does.
func TestAccessServerAway(t *testing.T) {
	api := sharedAPI(t)
	port := freePort(t)
	d := verbose(t, api.withServer(t, "https://"+loopback(port)))
	d.waitsFor(fmt.Sprintf("^waiting for ServiceImports: no API server answers at https://%s: connection refused\n"+
		"waiting for EndpointSlices: .*refused\nwaiting for Namespaces: .*refused\n$", loopback(port)))
	d.waitHTTP(d.http+"/livez", 200)
	forward(t, port, api.address())
	d.ready()
}

// forward passes connections on from a port to an address.
func forward(t testing.TB, port int, to string) {
	t.Helper()
	l, err := net.Listen("tcp", loopback(port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = from.Close()
				continue
			}
			for _, pair := range [][2]net.Conn{{from, server}, {server, from}} {
				go func() {
					_, _ = io.Copy(pair[0], pair[1]) // ends with either
					_, _ = pair[0].Close(), pair[1].Close()
				}()
			}
		}
	}()
}

// TestAccessNoServer: addresses at which something else answers.
func TestAccessNoServer(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "this is no API server", http.StatusTeapot)
	}))
	defer web.Close()
	api := sharedAPI(t)
	for name, c := range map[string]struct{ url, want string }{
		"not TLS":       {"https" + strings.TrimPrefix(web.URL, "http"), "at https://.*HTTP response to HTTPS client"},
		"no API server": {web.URL, "at http://.*this is no API server"},
		"another name":  {"https://zonegen.invalid:6443", "no API server answers at https://zonegen.invalid:6443: "},
		"wrong path":    {"https://" + api.address() + "/nope", "the API server at https://.*/nope serves no "},
	} {
		t.Run(name, func(t *testing.T) {
			verbose(t, api.withServer(t, c.url)).waitsFor(c.want)
		})
	}
}

// TestAccessCertificates: certificates that are not those of the two sides.
func TestAccessCertificates(t *testing.T) {
	api := sharedAPI(t)
	good := api.kubeconfig(t)
	cluster := func(edit func(*clientcmdapi.Cluster)) string {
		return editKubeconfig(t, good, func(c *clientcmdapi.Config) { edit(c.Clusters["envtest"]) })
	}
	authority, client := selfSigned(t)
	t.Run("wrong CA", func(t *testing.T) {
		d := verbose(t, cluster(func(c *clientcmdapi.Cluster) { c.CertificateAuthorityData = authority }))
		d.waitsFor("ServiceImports: the certificate of the API server at https://.* is not trusted: x509: .*; check server, certificate-authority and tls-server-name in the kubeconfig")
	})
	t.Run("no CA", func(t *testing.T) {
		d := verbose(t, cluster(func(c *clientcmdapi.Cluster) { c.CertificateAuthorityData = nil }))
		d.waitsFor("is not trusted: x509: certificate signed by unknown authority")
	})
	t.Run("wrong name", func(t *testing.T) {
		d := verbose(t, cluster(func(c *clientcmdapi.Cluster) { c.TLSServerName = "other.example" }))
		d.waitsFor("is not trusted: x509: certificate is valid for .*, not other.example")
	})
	t.Run("a client of another CA", func(t *testing.T) {
		key := string(client.ClientKeyData)
		d := verbose(t, api.withUser(t, client), strings.Split(key, "\n")[1])
		d.waitsFor("does not accept the credentials .401 Unauthorized.; renew the token or the client certificate")
	})
	t.Run("the right ones", func(t *testing.T) { verbose(t, good).ready() })
}

// selfSigned returns a certificate authority, and a user with a certificate that it has signed.
func selfSigned(t testing.TB) ([]byte, clientcmdapi.AuthInfo) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return certificate, clientcmdapi.AuthInfo{
		ClientCertificateData: certificate,
		ClientKeyData:         pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

// TestAccessAnonymous: who sends no credentials is not advised to grant something to everybody.
func TestAccessAnonymous(t *testing.T) {
	api := sharedAPI(t)
	for name, kubeconfig := range map[string]string{
		"a context without user":     editKubeconfig(t, api.kubeconfig(t), func(c *clientcmdapi.Config) { c.Contexts["envtest"].AuthInfo = "" }),
		"a user without credentials": api.withUser(t, clientcmdapi.AuthInfo{}),
	} {
		t.Run(name, func(t *testing.T) {
			text := verbose(t, kubeconfig).waitsFor("ServiceImports: the API server at https://.* does not know who asks: no credentials were sent; give the user of the kubeconfig's context ")
			if strings.Contains(text, "anonymous") {
				t.Errorf("/readyz says %q", text)
			}
		})
	}
}

// TestAccessExamples runs those examples of the help texts that need a cluster. The others are run by the tests of
// cmd/zonegen.
func TestAccessExamples(t *testing.T) {
	api := sharedAPI(t)
	api.newNamespace(t, "dns")
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".kube"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := editKubeconfig(t, api.kubeconfig(t), func(c *clientcmdapi.Config) { c.Contexts["production"] = c.Contexts["envtest"] })
	if err := os.Rename(config, filepath.Join(home, ".kube", "config")); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, command := range []string{"help", "help run", "help render"} {
		help, err := exec.Command(zonegen(t), strings.Fields(command)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^  (zonegen (run|render)( [^[\n]*)?)$`).FindAllStringSubmatch(string(help), -1) {
			if line := m[1]; !strings.Contains(line, " -f ") && !seen[line] {
				seen[line] = true
				t.Run(line, func(t *testing.T) { clusterExample(t, home, line) })
			}
		}
	}
	if len(seen) < 4 {
		t.Errorf("only these examples were run: %v", seen)
	}
}

func clusterExample(t *testing.T, home, line string) {
	zones, port := filepath.Join(t.TempDir(), "zones"), freePort(t)
	args := strings.Fields(line)[1:]
	if i := slices.Index(args, "--zone-dir"); i > 0 {
		args = slices.Delete(args, i, i+2)
	}
	args = append(args, "--zone-dir", zones)
	if args[0] == "run" {
		args = append(args, "--http", loopback(port))
	}
	p := run(t, "/usr/bin/env", append([]string{"-u", "KUBECONFIG", "HOME=" + home, zonegen(t)}, args...)...)
	if args[0] == "run" {
		p.waitHTTP(fmt.Sprintf("http://127.0.0.1:%d/readyz", port), 200)
		if code := p.stop(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	} else if code := p.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	readZone(t, clusterset, filepath.Join(zones, "db.clusterset.local"))
}
