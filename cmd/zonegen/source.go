package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"github.com/clusterset-dns/zonegen/watch"
)

// sourceFlags choose where services come from.
type sourceFlags struct {
	filenames   []string
	recursive   bool
	kubeconfig  string
	kubeContext string
}

func (s *sourceFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&s.filenames, "filename", "f", nil, "`file` or folder with manifests, or - for standard input, in place of a cluster; repeatable")
	flags.BoolVarP(&s.recursive, "recursive", "R", false, "with --filename: read folders below the folders, too")
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "`file` that says how to reach the cluster (default: the Pod's own service account, else $KUBECONFIG, else ~/.kube/config)")
	flags.StringVar(&s.kubeContext, "context", "", "`name` of the kubeconfig's context (default: its current one)")
}

// source returns the source that the flags describe.
func (s *sourceFlags) source(minInterval time.Duration, logger *slog.Logger) (watch.Source, error) {
	if len(s.filenames) == 0 {
		if s.recursive {
			return nil, errors.New("--recursive: goes with --filename only")
		}
		return watch.NewKubernetes(watch.KubernetesOptions{
			Kubeconfig: s.kubeconfig, Context: s.kubeContext, MinInterval: minInterval,
			UserAgent: "zonegen/" + buildVersion(), Logger: logger,
		})
	}
	if s.kubeconfig != "" || s.kubeContext != "" {
		return nil, fmt.Errorf("--filename: services come from manifests or from a cluster: leave out --kubeconfig and --context, or --filename")
	}
	return watch.NewManifests(watch.ManifestOptions{
		Paths: s.filenames, Recursive: s.recursive, MinInterval: minInterval, Logger: logger,
	})
}
