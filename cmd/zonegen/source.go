package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
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
	alsoTo      bool // zones are in a cluster, wherever services come from
}

func (s *sourceFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&s.filenames, "filename", "f", nil, "`file` or folder with manifests, or - for standard input, in place of a cluster; repeatable")
	flags.BoolVarP(&s.recursive, "recursive", "R", false, "with --filename: read folders below the folders, too")
	s.registerCluster(flags)
}

// registerCluster adds the flags that choose a cluster.
func (s *sourceFlags) registerCluster(flags *pflag.FlagSet) {
	flags.StringVar(&s.kubeconfig, "kubeconfig", "", "`file` that says how to reach the cluster (default: the Pod's own service account, else $KUBECONFIG, else ~/.kube/config)")
	flags.StringVar(&s.kubeContext, "context", "", "`name` of the kubeconfig's context (default: its current one)")
}

// source returns the source that the flags describe. Its errors are those that
// waiting cannot help.
func (s *sourceFlags) source(minInterval time.Duration, logger *slog.Logger) (watch.Source, error) {
	source, err := s.open(minInterval, logger)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w; check the path", err)
	}
	return source, err
}

func (s *sourceFlags) open(minInterval time.Duration, logger *slog.Logger) (watch.Source, error) {
	if len(s.filenames) == 0 {
		if s.recursive {
			return nil, errors.New("--recursive: it is for manifests; give --filename too, or leave it out")
		}
		return watch.NewKubernetes(s.cluster(minInterval, logger))
	}
	if !s.alsoTo && (s.kubeconfig != "" || s.kubeContext != "") {
		return nil, errors.New("--filename: services come from manifests or from a cluster: leave out --kubeconfig and --context, or --filename")
	}
	if slices.Contains(s.filenames, "") {
		return nil, errors.New("--filename: must not be empty; give a file, a folder, or - for standard input")
	}
	return watch.NewManifests(watch.ManifestOptions{
		Paths: s.filenames, Recursive: s.recursive, MinInterval: minInterval, Logger: logger,
	})
}

// cluster is the cluster that the flags describe.
func (s *sourceFlags) cluster(minInterval time.Duration, logger *slog.Logger) watch.KubernetesOptions {
	return watch.KubernetesOptions{
		Kubeconfig: s.kubeconfig, Context: s.kubeContext, MinInterval: minInterval,
		UserAgent: "zonegen/" + buildVersion(), Logger: logger,
	}
}
