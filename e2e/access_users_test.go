package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// permission is a verb on a kind of object.
type permission struct{ verb, group, resource string }

func (p permission) String() string { return p.verb + " " + p.kind() }

// kind is the resource as kubectl takes it.
func (p permission) kind() string { return strings.TrimSuffix(p.resource+"."+p.group, ".") }

// needed is all that zonegen may do.
var needed = []permission{
	{"list", "multicluster.x-k8s.io", "serviceimports"},
	{"watch", "multicluster.x-k8s.io", "serviceimports"},
	{"list", "discovery.k8s.io", "endpointslices"},
	{"watch", "discovery.k8s.io", "endpointslices"},
	{"list", "", "namespaces"},
	{"watch", "", "namespaces"},
}

// grant gives permissions to a user, for the time of the test.
func (a *apiServer) grant(t testing.TB, user string, permissions ...permission) {
	t.Helper()
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "granted-to-" + strings.ReplaceAll(user, ":", "-")}}
	for _, p := range permissions {
		role.Rules = append(role.Rules, rbacv1.PolicyRule{Verbs: []string{p.verb}, APIGroups: []string{p.group}, Resources: []string{p.resource}})
	}
	a.create(t, role, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: role.Name},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	})
	a.forget(t, role.Name)
}

// forget deletes a cluster role and the binding of that name, if they are there, when the test ends.
func (a *apiServer) forget(t testing.TB, name string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience) // the test's own is over
		defer cancel()
		meta := metav1.ObjectMeta{Name: name}
		for _, object := range []client.Object{&rbacv1.ClusterRoleBinding{ObjectMeta: meta}, &rbacv1.ClusterRole{ObjectMeta: meta}} {
			if err := a.Delete(ctx, object); client.IgnoreNotFound(err) != nil {
				t.Errorf("deleting %T %s: %v", object, name, err)
			}
		}
	})
}

// remedies are the lines of commands that a text of zonegen gives to be granted something.
func remedies(t testing.TB, text string) []string {
	t.Helper()
	var lines []string
	for _, m := range regexp.MustCompile(`(?m)(?:grant it|allow it to \S+ \S+ there): (kubectl .* -f -)`).FindAllStringSubmatch(text, -1) {
		lines = append(lines, m[1])
	}
	if len(lines) == 0 {
		t.Fatalf("no remedy is in %q", text)
	}
	return lines
}

// follow pastes the remedies of a text into a shell. Cluster roles are undone when the test ends.
func (a *apiServer) follow(t testing.TB, text string) {
	t.Helper()
	dir, err := controlPlaneDir()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range remedies(t, text) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
		cmd.Env = append(os.Environ(), "KUBECONFIG="+a.kubeconfig(t), "PATH="+dir+":"+os.Getenv("PATH"))
		cmd.WaitDelay = time.Second
		if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "arning") || strings.Contains(string(out), "rror") {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		for _, m := range regexp.MustCompile(`create clusterrolebinding (\S+)`).FindAllStringSubmatch(line, -1) {
			a.forget(t, m[1])
		}
	}
}

// TestAccessDenied: a user without any right is told what is missing and how to grant it; once it is granted, zonegen
// becomes ready without a restart.
func TestAccessDenied(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	d := verbose(t, api.kubeconfigOf(t, "nobody"))
	text := d.waitsFor(`waiting for ServiceImports: user "nobody" is forbidden to (list|watch) serviceimports.multicluster.x-k8s.io cluster-wide; grant it: .*\n` +
		`waiting for EndpointSlices: user "nobody" is forbidden to (list|watch) endpointslices.discovery.k8s.io cluster-wide; grant it: .*\n` +
		`waiting for Namespaces: user "nobody" is forbidden to (list|watch) namespaces cluster-wide; grant it: .*\n`)
	for _, kind := range []string{"serviceimports", "endpointslices", "namespaces"} {
		d.waitOutput(`level=WARN msg="cannot watch the Kubernetes API, trying again" resource=` + kind + `\S* problem="user .*" remedy="grant it: kubectl create clusterrole `)
	}
	api.follow(t, text)
	d.ready()
	d.waitOutput(`msg="watching the Kubernetes API again" resource=namespaces`)
}

// TestAccessOneMissing takes one permission at a time away from a user who has all others.
func TestAccessOneMissing(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	for i, missing := range needed {
		t.Run(missing.String(), func(t *testing.T) {
			user := fmt.Sprintf("user-%d@example.org", i)
			api.grant(t, user, slices.Delete(slices.Clone(needed), i, i+1)...)
			kubeconfig := api.kubeconfigOf(t, user)
			if missing.verb == "list" {
				// This API server lists by a watch, for which the verb watch is enough.
				verbose(t, kubeconfig).ready()
				// Older ones (before 1.32, by default) do not.
				t.Setenv("KUBE_FEATURE_WatchListClient", "false")
			}
			d := verbose(t, kubeconfig)
			text := d.waitsFor(fmt.Sprintf(`^waiting for \S+: user "%s" is forbidden to %s cluster-wide; grant it: kubectl create clusterrole zonegen-%s --verb=list,watch --resource=%s .*\n$`,
				user, missing, missing.resource, missing.kind()))
			api.follow(t, text)
			d.ready()
		})
	}
}

// TestAccessLost takes a permission away from a zonegen that is ready: the files stay, and it goes on when it has the
// permission again.
func TestAccessLost(t *testing.T) {
	api := privateAPI(t, "v1beta1")
	ns := api.newNamespace(t, "lost")
	web := clusterSetIPImport(ns, "web", []string{"10.1.0.1"})
	api.create(t, web)
	api.grant(t, "loser", needed...)
	d := verbose(t, api.kubeconfigOf(t, "loser"))
	d.ready()
	const binding = "granted-to-loser"
	api.kubectl(t, "delete", "clusterrolebinding", binding)
	api.stop(t) // ends the watches: the API server asks for permission at their beginning only
	api.start(t)
	d.waitOutput(`msg="cannot watch the Kubernetes API, the last known state stays, trying again" resource=serviceimports\S* problem="user \\"loser\\" is forbidden to `)
	d.waitHTTP(d.http+"/readyz", 200)
	api.modify(t, web, func() { web.Spec.IPs = []string{"10.1.0.2"} })
	if !strings.Contains(readFile(t, d.file(clusterset)), "10.1.0.1") {
		t.Error("the service is gone")
	}
	api.kubectl(t, "create", "clusterrolebinding", binding, "--clusterrole="+binding, "--user=loser")
	eventually(t, "the change is published", func() error {
		if !strings.Contains(readFile(t, d.file(clusterset)), "10.1.0.2") {
			return errors.New("it is not")
		}
		return nil
	})
}

// serviceAccount creates a service account that may do what zonegen needs, in a namespace of its own.
func (a *apiServer) serviceAccount(t testing.TB) *corev1.ServiceAccount {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: a.newNamespace(t, "dns-"), Name: "zonegen"}}
	a.create(t, account)
	a.grant(t, "system:serviceaccount:"+account.Namespace+":zonegen", needed...)
	return account
}

// token is a new token of a service account.
func (a *apiServer) token(t testing.TB, account *corev1.ServiceAccount) string {
	t.Helper()
	return strings.TrimSpace(a.kubectl(t, "create", "token", "--namespace", account.Namespace, account.Name))
}

// TestAccessToken: tokens of service accounts, in the kubeconfig or in a file.
func TestAccessToken(t *testing.T) {
	api := sharedAPI(t)
	account := api.serviceAccount(t)
	token := api.token(t, account)
	const refused = `ServiceImports: the API server at https://\S+ does not accept the credentials .401 Unauthorized.; renew the token or the client certificate .kubeconfig, or the service account's token.`

	t.Run("good", func(t *testing.T) {
		verbose(t, api.withUser(t, clientcmdapi.AuthInfo{Token: token}), token).ready()
	})
	t.Run("file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		verbose(t, api.withUser(t, clientcmdapi.AuthInfo{TokenFile: path}), token).ready()
	})
	t.Run("wrong", func(t *testing.T) {
		d := verbose(t, api.withUser(t, clientcmdapi.AuthInfo{Token: "not-the-token"}), "not-the-token")
		d.waitsFor(refused)
		d.waitOutput(`level=WARN .*resource=namespaces problem="the API server at \S+ does not accept the credentials`)
	})
	t.Run("expired", func(t *testing.T) {
		fresh, old := api.issued(t, token, time.Now()), api.issued(t, token, time.Now().Add(-24*time.Hour))
		verbose(t, api.withUser(t, clientcmdapi.AuthInfo{Token: fresh}), fresh).ready()
		verbose(t, api.withUser(t, clientcmdapi.AuthInfo{Token: old}), old).waitsFor(refused)
	})
	t.Run("without rights", func(t *testing.T) {
		other := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: account.Namespace, Name: "other"}}
		api.create(t, other)
		token := api.token(t, other)
		d := verbose(t, api.withUser(t, clientcmdapi.AuthInfo{Token: token}), token)
		d.waitsFor("forbidden to .* --serviceaccount=" + account.Namespace + ":other ")
	})
}

// issued is a token as the API server would have made it at another time, for an hour.
func (a *apiServer) issued(t testing.TB, token string, at time.Time) string {
	t.Helper()
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	claims["iat"], claims["nbf"], claims["exp"] = at.Unix(), at.Unix(), at.Unix()+3600
	if payload, err = json.Marshal(claims); err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(readFile(t, filepath.Join(a.dir, "sa-signer.key"))))
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(payload)
	sum := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, key.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...) // RFC 7518, section 3.4
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestAccessPod runs zonegen as it runs in a Pod, by its service account.
func TestAccessPod(t *testing.T) {
	api := sharedAPI(t)
	account := api.serviceAccount(t)
	token := api.token(t, account)
	d := api.inPod(t, map[string]string{"token": token, "ca.crt": string(api.config.CAData), "namespace": account.Namespace})
	d.keeps(token)
	d.ready()

	d = api.inPod(t, map[string]string{"namespace": account.Namespace})
	if code := d.wait(); code != 2 {
		t.Errorf("without a token: exit code %d, want 2", code)
	}
	d.waitOutput(`^zonegen: the service account of this pod cannot be used: .*token: no such file or directory: set automountServiceAccountToken, or pass --kubeconfig FILE`)
}

// inPod runs zonegen with the environment of a Pod, and these files as those of its service account.
func (a *apiServer) inPod(t testing.TB, files map[string]string) *daemon {
	t.Helper()
	dir, zones, port := t.TempDir(), t.TempDir(), freePort(t)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	host, apiPort, err := net.SplitHostPort(a.address())
	if err != nil {
		t.Fatal(err)
	}
	p := runAlone(t, `run=$(readlink -f /var/run) && mount -t tmpfs tmpfs "$run" &&
		mkdir -p "$run/secrets/kubernetes.io" && cp -r "$1" "$run/secrets/kubernetes.io/serviceaccount" && shift && exec "$@"`,
		dir, "env", "-u", "KUBECONFIG", "HOME=/nowhere", "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+apiPort,
		zonegen(t), "run", "--zone-dir", zones, "--http", loopback(port), "--log-level", "debug")
	return &daemon{p, zones, fmt.Sprintf("http://127.0.0.1:%d", port)}
}

// TestAccessPlugin: credentials from a program. One that fails is run again.
func TestAccessPlugin(t *testing.T) {
	api := sharedAPI(t)
	token := api.token(t, api.serviceAccount(t))
	dir := t.TempDir()
	plugin := filepath.Join(dir, "plugin")
	credential := fmt.Sprintf(`{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": %q}}`, token)
	script := fmt.Sprintf("#!/bin/sh\nif [ ! -e %[1]s/credential ]; then echo 'log in first' >&2; exit 3; fi\ncat %[1]s/credential\n", dir)
	if err := os.WriteFile(plugin, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	user := clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
		APIVersion: "client.authentication.k8s.io/v1", Command: plugin, InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
	}}
	d := verbose(t, api.withUser(t, user), token)
	d.waitsFor("ServiceImports: the credential plugin gives no credentials: .*exit code 3.*; run the exec command of the kubeconfig's user by hand")
	d.waitOutput("log in first")
	if err := os.WriteFile(filepath.Join(dir, "credential"), []byte(credential), 0o600); err != nil {
		t.Fatal(err)
	}
	d.ready()
}

// TestAccessPassword: kube-apiserver no longer knows users with passwords (since 1.19), but what stands before it may.
// So it is a server of the test's own that gets them.
func TestAccessPassword(t *testing.T) {
	const password = "open-sesame"
	var right, others atomic.Int32
	// Over TLS: client-go gives no credentials away to who listens.
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, pass, ok := r.BasicAuth(); ok && user == "ali" && pass == password {
			right.Add(1)
		} else {
			others.Add(1)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer server.Close()
	api := sharedAPI(t)
	kubeconfig := editKubeconfig(t, api.kubeconfig(t), func(c *clientcmdapi.Config) {
		c.Clusters["envtest"].Server = server.URL
		c.Clusters["envtest"].CertificateAuthorityData = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		c.AuthInfos["envtest"] = &clientcmdapi.AuthInfo{Username: "ali", Password: password}
	})
	d := verbose(t, kubeconfig, password, base64.StdEncoding.EncodeToString([]byte("ali:"+password)))
	d.waitsFor("does not accept the credentials .401 Unauthorized.")
	if right.Load() == 0 || others.Load() > 0 {
		t.Errorf("%d requests with user and password, %d without", right.Load(), others.Load())
	}
}
