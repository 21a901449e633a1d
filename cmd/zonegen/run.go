package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
)

// runFlags are the flags of zonegen run.
type runFlags struct {
	log         logFlags
	source      sourceFlags
	zones       zoneFlags
	folder      folderFlags
	configMap   configMapFlags
	guard       guardFlags
	http        httpFlags
	minInterval time.Duration
}

func newRunCommand() *cobra.Command {
	f := runFlags{minInterval: 100 * time.Millisecond}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch a cluster, or manifests, and keep zone files true to it",
		Long: `Watch the services of a cluster, or of manifest files, and keep the zone files
true to them: db.ZONE for each zone, replaced as a whole with each change.

Nothing is written before the whole state is known, and nothing is touched that
has not changed. While the API is away the last files stay. When too many services
are lost at once, their records stay for a while: see --deletion-guard.

With --configmap, zones are keys of a ConfigMap, which name servers mount as a
volume; large ones are spread over NAME-0, NAME-1, ... too. Of several replicas
the one that holds the Lease of the same name writes. Files are only written if
--zone-dir is given as well, and then by each replica.

HTTP: /livez, /readyz (once all is known and published; says what it waits for),
/metrics, and with --pprof /debug/pprof.`,
		Example: `  # In a Pod, beside a DNS server that shares the volume /zones.
  zonegen run

  # On a laptop, with the current context of ~/.kube/config.
  zonegen run --zone-dir ./zones

  # In a Deployment of two replicas, for name servers that mount a ConfigMap.
  zonegen run --configmap dns/zones

  # Without a cluster: follow a folder of manifests.
  zonegen run -f examples/ --zone-dir ./zones --http 127.0.0.1:8053`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	f.source.register(cmd.Flags())
	f.zones.register(cmd.Flags())
	f.folder.register(cmd.Flags(), "/zones")
	f.configMap.register(cmd.Flags())
	f.guard.register(cmd.Flags())
	f.http.register(cmd.Flags())
	f.log.register(cmd.Flags())
	cmd.Flags().Var(interval(&f.minInterval, time.Minute), "min-interval", "least `time` between two publications in a burst of changes; the first change after quiet is published at once, and so is the last one when nothing changes for a tenth of that time")
	return cmd
}

func (f *runFlags) run(cmd *cobra.Command) error {
	logger := f.log.logger(cmd.ErrOrStderr())
	d, err := f.daemon(cmd.Flags(), logger)
	if err != nil {
		return err
	}
	d.tried = collectLate()
	logger.Info("starting", "version", buildVersion())
	if err := f.serve(cmd.Context(), d); err != nil {
		for _, err := range unjoin(err) {
			logger.Error("cannot go on", "error", err)
		}
		return exitCode(1)
	}
	logger.Info("stopped")
	return nil
}

// daemon returns the daemon that the flags describe. Its errors are usage errors.
func (f *runFlags) daemon(flags *pflag.FlagSet, logger *slog.Logger) (*daemon, error) {
	set, zoneErr := f.zones.set()
	toConfigMap := flags.Changed("configmap")
	toFolder := flags.Changed("zone-dir") || !toConfigMap
	configMap, configMapErr := f.configMap.options(flags, logger)
	folder, folderErr := publish.FolderOptions{}, f.folder.unused(flags)
	if toFolder {
		folder, folderErr = f.folder.options(logger)
	}
	if err := flagErrors(zoneErr, folderErr, configMapErr, f.http.check()); err != nil {
		return nil, err
	}
	f.source.alsoTo = toConfigMap
	source, err := f.source.source(f.minInterval, logger)
	if err != nil {
		return nil, usageError{err}
	}
	d := newDaemon(logger, source, set, f.guard.limit())
	if toFolder {
		folder.Guard = d.placeGuard("path", folder.Path).judge
		d.publishTo("folder", &folderPlace{options: folder}, 0) // the source keeps the pace of files
	}
	if toConfigMap {
		config, err := watch.ClientConfig(f.source.cluster(f.minInterval, logger))
		if err != nil {
			return nil, usageError{fmt.Errorf("--configmap: %w", err)}
		}
		guard := d.placeGuard("configmap", f.configMap.name)
		guard.letGo = d.letGoOf
		place, err := f.configMap.place(configMap, config, source, guard)
		if err != nil {
			return nil, usageError{err}
		}
		d.publishTo("configmap", place, f.configMap.minInterval)
		d.metrics.room(f.configMap.shards)
	}
	return d, nil
}

// serve runs the daemon and its HTTP endpoints until parent is done.
func (f *runFlags) serve(parent context.Context, d *daemon) error {
	group, ctx := errgroup.WithContext(parent)
	if f.http.address != "" {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", f.http.address)
		if err != nil {
			return fmt.Errorf("--http %s: %w; choose another address, or none with --http ''", f.http.address, err)
		}
		d.logger.Info("serving HTTP", "address", listener.Addr().String())
		group.Go(func() error {
			return serveHTTP(ctx, listener, handler(&d.readiness, d.metrics, f.http.pprof), d.logger)
		})
	}
	group.Go(func() error { return runSource(ctx, d.source) })
	group.Go(func() error { d.loop(ctx); return nil })
	group.Go(func() error {
		<-ctx.Done()
		if parent.Err() != nil { // else somebody returned an error
			d.logger.Info("stopping", "cause", context.Cause(parent))
		}
		return nil
	})
	return group.Wait()
}

// stopGrace is how long the end waits for what does not end at once.
const stopGrace = 2 * time.Second

// runSource runs a source until ctx is done. One that then hangs is left to the
// end of the process: client-go waits for a credential plugin, whatever happens.
func runSource(ctx context.Context, source watch.Source) error {
	ended := make(chan error, 1)
	go func() { ended <- source.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(stopGrace):
		return nil
	}
}
