package watch

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes a kubeconfig with the contexts east and west; change
// may spoil it.
func writeKubeconfig(t *testing.T, change func(*api.Config)) string {
	t.Helper()
	c := api.NewConfig()
	for _, name := range []string{"west", "east"} {
		c.Clusters[name] = &api.Cluster{Server: "https://" + name + ".example:6443"}
		c.AuthInfos[name] = &api.AuthInfo{Token: "secret"}
		c.Contexts[name] = &api.Context{Cluster: name, AuthInfo: name}
	}
	c.CurrentContext = "east"
	change(c)
	path := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*c, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// noCluster makes sure that the test finds no kubeconfig and no pod of its own.
func noCluster(t *testing.T) {
	t.Helper()
	t.Setenv("KUBECONFIG", "")
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("HOME", t.TempDir())
}

func TestClientConfig(t *testing.T) {
	noCluster(t)
	path := writeKubeconfig(t, func(*api.Config) {})
	for name, test := range map[string]struct {
		env  string
		o    KubernetesOptions
		want string
	}{
		"current-context": {"", KubernetesOptions{Kubeconfig: path}, "https://east.example:6443"},
		"context":         {"", KubernetesOptions{Kubeconfig: path, Context: "west"}, "https://west.example:6443"},
		"KUBECONFIG":      {path, KubernetesOptions{Context: "west"}, "https://west.example:6443"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", test.env)
			test.o.UserAgent = "zonegen/test"
			config, _, err := clientConfig(test.o)
			if err != nil {
				t.Fatal(err)
			}
			if config.Host != test.want || config.BearerToken != "secret" || config.UserAgent != "zonegen/test" {
				t.Errorf("got %s, user agent %s", config.Host, config.UserAgent)
			}
		})
	}
}

// Whatever waiting cannot help is an error at once, and says what to change.
func TestNewKubernetesErrors(t *testing.T) {
	noCluster(t)
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := func(*api.Config) {}
	for name, test := range map[string]struct {
		o    KubernetesOptions
		env  map[string]string
		want []string
	}{
		"nothing at all":  {want: []string{"no access to a cluster", "~/.kube/config does not exist", "--kubeconfig FILE", "-f"}},
		"missing file":    {o: KubernetesOptions{Kubeconfig: "/no/such/file"}, want: []string{"--kubeconfig /no/such/file", "no such file"}},
		"empty file":      {o: KubernetesOptions{Kubeconfig: write("")}, want: []string{"--kubeconfig", "is empty"}},
		"no YAML":         {o: KubernetesOptions{Kubeconfig: write("a: b: c")}, want: []string{"--kubeconfig", "mapping values"}},
		"no kubeconfig":   {o: KubernetesOptions{Kubeconfig: write("apiVersion: v1\nkind: Pod\n")}, want: []string{"--kubeconfig", `"Pod"`}},
		"unknown context": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, good), Context: "north"}, want: []string{"--context", `no context "north"`, "there is east, west"}},
		"no current":      {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) { c.CurrentContext = "" })}, want: []string{"no current-context", "--context", "east, west"}},
		"unknown current": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) { c.CurrentContext = "south" })}, want: []string{`no context "south"`, "east, west"}},
		"unknown cluster": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) { delete(c.Clusters, "east") })}, want: []string{"--kubeconfig", `context "east"`, `no cluster "east" with a server`}},
		"unknown user": {
			o:    KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) { c.Contexts["east"].AuthInfo = "north" })},
			want: []string{"--kubeconfig", `context "east"`, `no user "north"`, "there is east, west"},
		},
		"no users": {
			o:    KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) { clear(c.AuthInfos) })},
			want: []string{"--kubeconfig", `context "east"`, `no user "east"`, "there is none"},
		},
		"missing CA": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) { c.Clusters["east"].CertificateAuthority = "/no/ca.crt" })}, want: []string{"--kubeconfig", "/no/ca.crt"}},
		"CA is none": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) { c.Clusters["east"].CertificateAuthorityData = []byte("x") })}, want: []string{"unable to load root certificates"}},
		"certificate": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) {
			c.AuthInfos["east"] = &api.AuthInfo{ClientCertificateData: []byte("x"), ClientKeyData: []byte("y")}
		})}, want: []string{"credentials for https://east.example:6443 cannot be used"}},
		"missing key": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) {
			c.AuthInfos["east"] = &api.AuthInfo{ClientCertificateData: []byte("x"), ClientKey: "/no/key"}
		})}, want: []string{"/no/key"}},
		"missing token":   {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(c *api.Config) { c.AuthInfos["east"] = &api.AuthInfo{TokenFile: "/no/token"} })}, want: []string{"/no/token"}},
		"missing plugin":  {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, withPlugin("no-such-plugin", "brew install it"))}, want: []string{"credential plugin", "no-such-plugin", "brew install it"}},
		"plugin, no hint": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, withPlugin("/no/such/plugin", ""))}, want: []string{"credential plugin", "/no/such/plugin", "install it, or set its full path"}},
		"KUBECONFIG":      {env: map[string]string{"KUBECONFIG": "/no/such/file"}, want: []string{"$KUBECONFIG (/no/such/file) does not exist or is empty"}},
		"pod without token": {
			env:  map[string]string{"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"},
			want: []string{"the service account of this pod cannot be used", "automountServiceAccountToken", "--kubeconfig"},
		},
		"negative interval": {o: KubernetesOptions{Kubeconfig: writeKubeconfig(t, good), MinInterval: -1}, want: []string{"--min-interval"}},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range test.env {
				t.Setenv(key, value)
			}
			test.o.Logger = slog.New(slog.DiscardHandler)
			_, err := NewKubernetes(test.o)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func withPlugin(command, hint string) func(*api.Config) {
	return func(c *api.Config) {
		c.AuthInfos["east"] = &api.AuthInfo{Exec: &api.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1", Command: command, InstallHint: hint, InteractiveMode: api.NeverExecInteractiveMode,
		}}
	}
}

// A new source has talked to nobody, and says what it waits for.
func TestNewKubernetesWaits(t *testing.T) {
	noCluster(t)
	k, err := NewKubernetes(KubernetesOptions{Kubeconfig: writeKubeconfig(t, func(*api.Config) {}), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(k.Waiting(), "\n")
	want := "ServiceImports: waiting for the first list from https://east.example:6443\n" +
		"EndpointSlices: waiting for the first list from https://east.example:6443\n" +
		"Namespaces: waiting for the first list from https://east.example:6443"
	if strings.ReplaceAll(got, ":6443/", ":6443") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for i, a := range k.accesses() {
		a.wasListed()
		a.isWatched(nil, false)
		if complete := k.queue.isComplete(); complete != (i == 2) {
			t.Errorf("after %d kinds: complete is %v", i+1, complete)
		}
	}
	if lines := k.Waiting(); len(lines) > 0 {
		t.Errorf("complete, but waiting for %q", lines)
	}
}

// The file that is missing in a pod is none that anyone gave: callers who tell
// of wrong paths by that error must not be misled.
func TestNewKubernetesErrorOfPodIsNoPath(t *testing.T) {
	noCluster(t)
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	_, err := NewKubernetes(KubernetesOptions{Logger: slog.New(slog.DiscardHandler)})
	if err == nil || errors.Is(err, fs.ErrNotExist) || !strings.HasSuffix(err.Error(), "or pass --kubeconfig FILE") {
		t.Errorf("got %v", err)
	}
}
