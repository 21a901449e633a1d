package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/watch"
	"github.com/clusterset-dns/zonegen/zone"
)

// renderFlags are the flags of zonegen render.
type renderFlags struct {
	log     logFlags
	source  sourceFlags
	zones   zoneFlags
	folder  folderFlags
	serial  serialValue
	timeout time.Duration
}

func newRenderCommand() *cobra.Command {
	var f renderFlags
	cmd := &cobra.Command{
		Use:   "render [ZONE]",
		Short: "Write the zones of a cluster, or of manifests, once",
		Long: `Write the zone of the services in a cluster, or in manifest files, to standard
output, or all zones into a folder, and end.

ZONE is the zone for standard output: the first --zone by default, or a reverse
zone such as in-addr.arpa.

Without --serial, the SOA serial continues that of the file in --zone-dir, or is
the time. With it, the same input gives the same bytes.`,
		Example: `  # The zone of the example manifests.
  zonegen render -f examples/ --serial 1

  # Its reverse zone.
  zonegen render in-addr.arpa -f examples/ --serial 1

  # All zones of a cluster, as files.
  zonegen render --context production --zone-dir ./zones`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.source.register(cmd.Flags())
	f.zones.register(cmd.Flags())
	f.folder.register(cmd.Flags(), "")
	f.log.register(cmd.Flags())
	cmd.Flags().Var(&f.serial, "serial", "SOA `serial` of the zones, 1 to 4294967295")
	cmd.Flags().DurationVar(&f.timeout, "timeout", time.Minute, "how long to wait for the cluster; 0 for as long as it takes")
	return cmd
}

func (f *renderFlags) run(cmd *cobra.Command, args []string) error {
	logger, logErr := f.log.logger(cmd.ErrOrStderr())
	set, zoneErr := f.zones.set()
	var options publish.FolderOptions
	var folderErr error
	if f.folder.path != "" {
		options, folderErr = f.folder.options(logger)
		options.Serial = uint32(f.serial)
		if len(args) > 0 {
			folderErr = fmt.Errorf("--zone-dir: writes all zones; leave out the argument %q", args[0])
		}
	}
	if err := flagErrors(logErr, zoneErr, folderErr); err != nil {
		return err
	}
	source, err := f.source.source(0, logger)
	if err != nil {
		return usageError{err}
	}
	changes, err := f.first(cmd.Context(), source, logger)
	if err != nil {
		return err
	}
	for _, p := range set.Apply(changes) {
		logger.Warn("left out", "namespace", p.Namespace, "service", p.Name, "reason", p.Reason, "field", p.Field, "value", p.Value, "message", p.Message)
	}
	if f.folder.path == "" {
		return f.print(cmd, args, set.Snapshots())
	}
	return f.write(cmd.Context(), options, set.Snapshots())
}

// write writes all zones into the folder.
func (f *renderFlags) write(ctx context.Context, options publish.FolderOptions, snapshots []*zone.Snapshot) error {
	folder, err := publish.OpenFolder(options)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // nothing of it is unwritten
	_, err = folder.Publish(ctx, snapshots)
	return err
}

// first returns the whole state of a source.
func (f *renderFlags) first(ctx context.Context, source watch.Source, logger *slog.Logger) (zone.Changes, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var timeout <-chan time.Time
	if f.timeout > 0 {
		timeout = time.After(f.timeout)
	}
	failed, first := make(chan error, 1), make(chan zone.Changes, 1)
	go func() { failed <- source.Run(ctx) }()
	go func() {
		if changes, err := source.Next(ctx); err == nil {
			first <- changes
		}
	}()
	progress := time.NewTicker(5 * time.Second)
	defer progress.Stop()
	for {
		select {
		case changes := <-first:
			return changes, nil
		case err := <-failed:
			if err == nil {
				err = context.Cause(ctx)
			}
			return zone.Changes{}, err
		case <-timeout:
			return zone.Changes{}, fmt.Errorf("gave up after --timeout %s, waiting for %s", f.timeout, strings.Join(source.Waiting(), "; "))
		case <-progress.C:
			logger.Info("waiting", "for", strings.Join(source.Waiting(), "; "))
		}
	}
}

// print writes one zone to standard output.
func (f *renderFlags) print(cmd *cobra.Command, args []string, snapshots []*zone.Snapshot) error {
	wanted := snapshots[0].Origin()
	if len(args) > 0 {
		wanted = strings.ToLower(strings.TrimSuffix(args[0], ".")) + "."
	}
	var origins []string
	for _, s := range snapshots {
		if s.Origin() != wanted {
			origins = append(origins, s.Origin())
			continue
		}
		serial := uint32(f.serial)
		if serial == 0 {
			serial = zone.NextSerial(0, time.Now())
		}
		text := s.Buffers(serial)
		_, err := text.WriteTo(cmd.OutOrStdout())
		return err
	}
	return usageError{fmt.Errorf("zone %q is not made: choose one of %s", args[0], strings.Join(origins, ", "))}
}

// serialValue is a flag of a serial; 0 is none.
type serialValue uint32

var _ pflag.Value = (*serialValue)(nil)

func (s *serialValue) String() string {
	if *s == 0 {
		return ""
	}
	return fmt.Sprint(uint32(*s))
}

func (s *serialValue) Type() string { return "serial" }

func (s *serialValue) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 0 {
		return errors.New("use a number from 1 to 4294967295")
	}
	*s = serialValue(n)
	return nil
}
