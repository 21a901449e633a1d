package main

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"
	coordinationclient "k8s.io/client-go/kubernetes/typed/coordination/v1"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
)

// configMapFlags choose the ConfigMaps that zones go to.
type configMapFlags struct {
	name        string // with its namespace; empty for none
	shards      uint32
	minInterval time.Duration
}

// maxShards is more than a volume would list: with it, zones of some 110 MB can
// always change.
const maxShards = 256

func (c *configMapFlags) register(flags *pflag.FlagSet) {
	c.shards, c.minInterval = publish.DefaultShards, 5*time.Second
	flags.StringVar(&c.name, "configmap", "", "ConfigMap for the zones, `NAMESPACE/NAME`, in place of --zone-dir or beside it; one of several replicas writes")
	flags.Var(number(&c.shards, 0, maxShards), "configmap-shards", "`number` of ConfigMaps NAME-0, NAME-1, ... that large zones may take, 900 KiB each and twice the zones together, 0 to 256: as many as the volume of the name servers lists")
	flags.Var(interval(&c.minInterval, 10*time.Minute), "configmap-min-interval", "as --min-interval for the ConfigMap, of which etcd keeps each version for a while; a `time`")
}

// options returns what the flags describe, without a client.
func (c *configMapFlags) options(flags *pflag.FlagSet, logger *slog.Logger) (publish.ConfigMapOptions, error) {
	if !flags.Changed("configmap") {
		for _, name := range []string{"configmap-shards", "configmap-min-interval"} {
			if flags.Changed(name) {
				return publish.ConfigMapOptions{}, fmt.Errorf("--%s: it is for ConfigMaps; give --configmap too, or leave it out", name)
			}
		}
		return publish.ConfigMapOptions{}, nil
	}
	namespace, name, err := publish.ParseConfigMap(c.name, int(c.shards))
	if err != nil {
		err = fmt.Errorf("--configmap %w", err)
	}
	shards := int(c.shards)
	if shards == 0 {
		shards = publish.NoShards
	}
	return publish.ConfigMapOptions{Namespace: namespace, Name: name, Shards: shards, Logger: logger}, err
}

// place returns the place that the options describe, in the cluster of a config, for
// what the source brings and the guard lets through.
func (c *configMapFlags) place(options publish.ConfigMapOptions, config *rest.Config, source watch.Source, guard *placeGuard) (*configMapPlace, error) {
	long := rest.CopyConfig(config)
	long.QPS = -1 // --configmap-min-interval is the limit
	short := rest.CopyConfig(long)
	short.Timeout = renewDeadline / 2 // so that there are two attempts
	var errs [3]error
	options.Client, errs[0] = coreclient.NewForConfig(long)
	longLeases, err := coordinationclient.NewForConfig(long)
	errs[1] = err
	shortLeases, err := coordinationclient.NewForConfig(short)
	errs[2] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("--configmap: cannot make a client for %s: %w", config.Host, err)
	}
	election, err := newElection(shortLeases, longLeases, options.Namespace, options.Name, options.Logger, func() string { return deaf(source) })
	if err != nil {
		return nil, err
	}
	return newConfigMapPlace(options, election, source, guard)
}
