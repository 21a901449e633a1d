package e2e

import (
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// TestSecretsInMistakes: a kubeconfig with a mistake, often beside or inside of a secret. Neither what zonegen prints, at
// the most that it can log, nor what its HTTP endpoints say may have the secret in it.
func TestSecretsInMistakes(t *testing.T) {
	api := sharedAPI(t)
	const secret = "s3cr3t-0123456789abcdef"
	encoded := base64.StdEncoding.EncodeToString([]byte(secret))
	text := func(text string) string {
		path := filepath.Join(t.TempDir(), "kubeconfig")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const head = "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\n" +
		"clusters: [{name: x, cluster: {server: 'https://127.0.0.1:1'}}]\nusers:\n- name: x\n  user:\n"
	user := func(user clientcmdapi.AuthInfo) string { return api.withUser(t, user) }
	cluster := func(edit func(*clientcmdapi.Cluster)) string {
		return editKubeconfig(t, api.kubeconfig(t), func(c *clientcmdapi.Config) { edit(c.Clusters["envtest"]) })
	}
	notAKey := []byte("-----BEGIN PRIVATE KEY-----\n" + encoded + "\n-----END PRIVATE KEY-----\n")
	for what, kubeconfig := range map[string]string{
		"a list of tokens":            text(head + "    token: [" + secret + "]\n"),
		"a token in no quotes":        text(head + "    token: " + secret + ": x\n"),
		"a token in an open quote":    text(head + "    token: '" + secret + "\n"),
		"a token as another field":    text(head + "    tokn: " + secret + "\n"),
		"a token for the whole file":  text(secret),
		"a token in two lines":        user(clientcmdapi.AuthInfo{Token: secret + "\nx"}),
		"a token as its own file":     user(clientcmdapi.AuthInfo{TokenFile: filepath.Join(filepath.Dir(text(secret)), "kubeconfig", "x")}),
		"a key that is not in base64": text(head + "    client-certificate-data: '!'\n    client-key-data: '!" + secret + "'\n"),
		"a key that is none":          user(clientcmdapi.AuthInfo{ClientCertificateData: notAKey, ClientKeyData: notAKey}),
		"a password without a user":   user(clientcmdapi.AuthInfo{Password: secret}),
		"a password in the URL":       cluster(func(c *clientcmdapi.Cluster) { c.Server = "https://ali:" + secret + "@127.0.0.1:1" }),
		"a password in a wrong URL":   cluster(func(c *clientcmdapi.Cluster) { c.Server = "https://ali:" + secret + "@127.0.0.1:one" }),
		"a password of a proxy":       cluster(func(c *clientcmdapi.Cluster) { c.ProxyURL = "http://ali:" + secret + "@127.0.0.1:1" }),
		"a password of a wrong proxy": cluster(func(c *clientcmdapi.Cluster) { c.ProxyURL = "http://ali:" + secret + "@127.0.0.1:one" }),
		"a password in the URL and no key": editKubeconfig(t, user(clientcmdapi.AuthInfo{ClientCertificateData: notAKey, ClientKeyData: notAKey}), func(c *clientcmdapi.Config) {
			c.Clusters["envtest"].Server = "https://ali:" + secret + "@127.0.0.1:1"
		}),
		"a plugin that is not there": user(clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1", Command: "/nowhere", Args: []string{"--token=" + secret},
			Env: []clientcmdapi.ExecEnvVar{{Name: "TOKEN", Value: secret}}, InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		}}),
		"a plugin that says nonsense": user(clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1", Command: "echo", Args: []string{`{"token": "` + secret + `"`},
			InteractiveMode: clientcmdapi.NeverExecInteractiveMode,
		}}),
	} {
		t.Run(what, func(t *testing.T) {
			d := runZonegen(t, kubeconfig, "--log-level", "debug", "--pprof")
			said := regexp.MustCompile(`(?m)level=(WARN|ERROR)|^zonegen: `)
			eventually(t, "it says what is wrong", func() error {
				if !said.MatchString(d.output()) {
					return errors.New("not yet")
				}
				return nil
			})
			all := ""
			if strings.Contains(d.output(), "zonegen: ") {
				d.wait()
			} else {
				for _, path := range []string{"/readyz", "/metrics", "/livez", "/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2"} {
					status, body, err := httpGet(d.http + path)
					if err != nil || status == http.StatusInternalServerError {
						t.Errorf("%s: %d, %v", path, status, err)
					}
					all += body
				}
				d.stop()
			}
			all += d.output()
			for _, shape := range []string{secret, encoded, strings.ToUpper(secret)} {
				if strings.Contains(all, shape) {
					t.Errorf("the secret is told:\n%s", all)
				}
			}
		})
	}
}
