package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/spf13/pflag"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/clusterset-dns/zonegen/source"
	"github.com/clusterset-dns/zonegen/watch"
)

// placeFlags choose how to reach the places where zones are read.
type placeFlags struct {
	tsig    string
	timeout time.Duration
}

func (p *placeFlags) register(flags *pflag.FlagSet) {
	p.timeout = time.Minute
	flags.StringVar(&p.tsig, "tsig", "", "key `file` for zone transfers, as tsig-keygen writes it and dig -k takes it")
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
	if p.tsig == "" {
		return r, nil
	}
	var err error
	if r.Key, err = source.ReadKey(p.tsig); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w; check the path", err)
		}
		return nil, fmt.Errorf("--tsig: %w", err)
	}
	return r, nil
}
