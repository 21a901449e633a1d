package watch

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // users with auth-provider: oidc
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// ClientConfig returns how to reach the API server that a [Kubernetes] with these
// options watches, for other clients of it. The errors are those of [NewKubernetes].
func ClientConfig(o KubernetesOptions) (*rest.Config, error) {
	config, _, err := clientConfig(o)
	return config, err
}

// clientConfig returns how to reach the API server: the kubeconfig that was
// asked for; else, in a pod, its service account; else the kubeconfig that
// kubectl would use. Setting KUBECONFIG counts as asking.
//
// It reads every file that is referred to, so that all that waiting cannot help
// is an error here: files that are missing or do not parse, contexts and users
// that do not exist, certificates that are none, credential plugins that are
// not installed.
func clientConfig(o KubernetesOptions) (*rest.Config, *http.Client, error) {
	config, err := loadConfig(o)
	if err != nil {
		return nil, nil, err
	}
	if plugin := config.ExecProvider; plugin != nil {
		if _, err := exec.LookPath(plugin.Command); err != nil {
			hint := strings.TrimSpace(plugin.InstallHint)
			if hint == "" {
				hint = "install it, or set its full path in the kubeconfig"
			}
			return nil, nil, fmt.Errorf("the credential plugin of the kubeconfig is missing: %w: %s", err, hint)
		}
	}
	config.UserAgent = o.UserAgent
	// Three watches and a discovery request every few seconds at worst: the
	// limits of client-go (5 per second, 10 at once) are never felt.
	transport, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, nil, withoutPasswords(fmt.Errorf("the kubeconfig's credentials for %s cannot be used: %w", config.Host, err), config.Host)
	}
	return config, transport, nil
}

func loadConfig(o KubernetesOptions) (*rest.Config, error) {
	var noPod error
	if o.Kubeconfig == "" && o.Context == "" && os.Getenv(clientcmd.RecommendedConfigPathEnvVar) == "" {
		config, err := rest.InClusterConfig()
		if err == nil {
			return config, nil
		}
		noPod = err
	}
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = o.Kubeconfig
	loaded, err := rules.Load()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configName(o), err)
	}
	if api.IsConfigEmpty(loaded) {
		return nil, noConfig(o, noPod)
	}
	name, err := contextOf(loaded, o)
	if err != nil {
		return nil, err
	}
	config, err := clientcmd.NewNonInteractiveClientConfig(*loaded, name, &clientcmd.ConfigOverrides{}, rules).ClientConfig()
	switch {
	case clientcmd.IsEmptyConfig(err): // whose text speaks of something else
		return nil, fmt.Errorf("%s, context %q: there is no cluster %q with a server", configName(o), name, loaded.Contexts[name].Cluster)
	case err != nil:
		err = fmt.Errorf("%s, context %q: %w", configName(o), name, err)
		if cluster := loaded.Clusters[loaded.Contexts[name].Cluster]; cluster != nil {
			err = withoutPasswords(err, cluster.Server, cluster.ProxyURL)
		}
		return nil, err
	}
	return config, nil
}

// withoutPasswords returns an error that says the same without the user and password in
// these URLs, which need not be valid.
func withoutPasswords(err error, urls ...string) error {
	text := err.Error()
	for _, u := range urls {
		if _, rest, ok := strings.Cut(u, "://"); ok {
			u = rest
		}
		if at := strings.LastIndex(u, "@"); at > 0 {
			quoted := strconv.Quote(u[:at])
			text = strings.NewReplacer(u[:at], "…", quoted[1:len(quoted)-1], "…").Replace(text)
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// contextOf returns the name of the context to use, which there is, as is the
// user that it names. Without a user the context is for an anonymous one;
// client-go takes a user that does not exist for that, too.
func contextOf(loaded *api.Config, o KubernetesOptions) (string, error) {
	name := loaded.CurrentContext
	if o.Context != "" {
		name = o.Context
	}
	if name == "" {
		return "", fmt.Errorf("%s has no current-context: choose one with --context: there is %s", configName(o), listed(loaded.Contexts))
	}
	chosen := loaded.Contexts[name]
	if chosen == nil {
		return "", fmt.Errorf("--context: %s has no context %q: there is %s", configName(o), name, listed(loaded.Contexts))
	}
	if user := chosen.AuthInfo; user != "" && loaded.AuthInfos[user] == nil {
		return "", fmt.Errorf("%s, context %q: there is no user %q: add it, or name another in the context: there is %s",
			configName(o), name, user, listed(loaded.AuthInfos))
	}
	return name, nil
}

// listed returns the names there are, for a message.
func listed[T any](named map[string]T) string {
	if len(named) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(named)), ", ")
}

// noConfig returns the error for a kubeconfig that is empty or was not found.
// noPod is why the service account of the pod was not taken, if it was tried.
func noConfig(o KubernetesOptions, noPod error) error {
	switch {
	case o.Kubeconfig != "":
		return fmt.Errorf("--kubeconfig %s is empty", o.Kubeconfig)
	case os.Getenv(clientcmd.RecommendedConfigPathEnvVar) != "":
		return fmt.Errorf("%s does not exist or is empty: mend it, or pass --kubeconfig FILE", configName(o))
	case noPod != nil && !errors.Is(noPod, rest.ErrNotInCluster):
		// Not wrapped: the file that is missing is no path that anyone gave.
		return fmt.Errorf("the service account of this pod cannot be used: %v: set automountServiceAccountToken, or pass --kubeconfig FILE", noPod)
	}
	return fmt.Errorf("no access to a cluster: this is no pod, and %s does not exist: pass --kubeconfig FILE, or read manifests with -f", configName(o))
}

// configName says in messages where the kubeconfig came from.
func configName(o KubernetesOptions) string {
	if o.Kubeconfig != "" {
		return "--kubeconfig " + o.Kubeconfig
	}
	if env := os.Getenv(clientcmd.RecommendedConfigPathEnvVar); env != "" {
		return "$KUBECONFIG (" + env + ")"
	}
	return filepath.Join("~", clientcmd.RecommendedHomeDir, clientcmd.RecommendedFileName)
}
