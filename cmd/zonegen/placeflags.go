package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/clusterset-dns/zonegen/source"
	"github.com/clusterset-dns/zonegen/watch"
)

// placeFlags choose how to reach the places where zones are read.
type placeFlags struct {
	tsig    []string
	timeout time.Duration
}

func (p *placeFlags) register(flags *pflag.FlagSet) {
	p.timeout = time.Minute
	flags.StringArrayVar(&p.tsig, "tsig", nil, "`[@SERVER=]file` with the key for zone transfers from that server, else from all others, as tsig-keygen writes it and dig -k takes it; repeatable")
	flags.Var(interval(&p.timeout, 0), "timeout", "how long to wait for the cluster and for servers, a `time`; 0 for as long as it takes")
}

// reader returns what reads zones.
func (p *placeFlags) reader(stdin io.Reader, cluster *sourceFlags, logger *slog.Logger) (*source.Reader, error) {
	r := &source.Reader{Stdin: stdin, ConfigMaps: func() (coreclient.ConfigMapsGetter, error) {
		config, err := watch.ClientConfig(cluster.cluster(0, logger))
		if err != nil {
			return nil, err
		}
		return coreclient.NewForConfig(config)
	}}
	var err error
	if r.Keys, err = p.keys(); err != nil {
		return nil, fmt.Errorf("--tsig: %w", err)
	}
	return r, nil
}

// keys reads the keys for servers.
func (p *placeFlags) keys() (map[string]*source.Key, error) {
	keys := make(map[string]*source.Key, len(p.tsig))
	for _, path := range p.tsig {
		server := ""
		if strings.HasPrefix(path, "@") {
			place, file, ok := strings.Cut(path, "=")
			if !ok {
				return nil, fmt.Errorf("%s names no file; give @SERVER=FILE", path)
			}
			at, err := source.Parse(place)
			if err != nil {
				return nil, err
			}
			if at.Zone() != "" {
				return nil, fmt.Errorf("%s: a key is for all zones of a server; leave out /%s", path, strings.TrimSuffix(at.Zone(), "."))
			}
			server, path = at.Server(), file
		}
		if keys[server] != nil {
			return nil, fmt.Errorf("%s is one key too many; give one for each server, as @SERVER=FILE, and one for all others", path)
		}
		key, err := source.ReadKey(path)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w; check the path", err)
		}
		if err != nil {
			return nil, err
		}
		keys[server] = key
	}
	return keys, nil
}
