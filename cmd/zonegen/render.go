package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// renderFlags are the flags of zonegen render.
type renderFlags struct {
	log     logFlags
	source  sourceFlags
	zones   zoneFlags
	folder  folderFlags
	serial  uint32 // 0 is none
	timeout time.Duration
}

func newRenderCommand() *cobra.Command {
	f := renderFlags{timeout: time.Minute}
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
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.source.register(cmd.Flags())
	f.zones.register(cmd.Flags())
	f.folder.register(cmd.Flags(), "")
	f.log.register(cmd.Flags())
	cmd.Flags().Var(number(&f.serial, 1, math.MaxUint32), "serial", "SOA `serial` of the zones, 1 to 4294967295")
	cmd.Flags().Var(interval(&f.timeout, 0), "timeout", "how long to wait for the cluster, a `time`; 0 for as long as it takes")
	return cmd
}

func (f *renderFlags) run(cmd *cobra.Command, args []string) error {
	logger := f.log.logger(cmd.ErrOrStderr())
	set, zoneErr := f.zones.set()
	options, folderErr := f.target(cmd, args, logger)
	if err := flagErrors(zoneErr, folderErr); err != nil {
		return err
	}
	wanted, err := choose(set.Snapshots(), args)
	if err != nil {
		return err
	}
	source, err := f.source.source(0, logger)
	if err != nil {
		return usageError{err}
	}
	ctx, cancel := withTimeout(cmd.Context(), f.timeout)
	defer cancel()
	changes, err := firstState(ctx, source, logger)
	if err != nil {
		return err
	}
	for _, p := range set.Apply(changes) {
		logProblem(logger, p)
	}
	if f.folder.path != "" {
		return write(cmd.Context(), options, set.Snapshots(), logger)
	}
	serial := f.serial
	if serial == 0 {
		serial = zone.NextSerial(0, time.Now())
	}
	text := set.Snapshots()[wanted].Buffers(serial)
	_, err = text.WriteTo(cmd.OutOrStdout())
	return err
}

// target returns the folder for the zones, if they go into one.
func (f *renderFlags) target(cmd *cobra.Command, args []string, logger *slog.Logger) (publish.FolderOptions, error) {
	if f.folder.path == "" {
		return publish.FolderOptions{}, f.folder.unused(cmd.Flags())
	}
	options, err := f.folder.options(logger)
	options.Serial = f.serial
	if len(args) > 0 {
		err = errors.Join(err, fmt.Errorf("--zone-dir: all zones are written there; leave out --zone-dir or the argument %q", args[0]))
	}
	return options, err
}

// choose returns the index of the zone that the argument names.
func choose(snapshots []*zone.Snapshot, args []string) (int, error) {
	if len(args) == 0 {
		return 0, nil
	}
	var origins []string
	for _, s := range snapshots {
		origins = append(origins, s.Origin())
	}
	i := slices.Index(origins, strings.ToLower(strings.TrimSuffix(args[0], "."))+".")
	if i < 0 {
		return 0, usageError{fmt.Errorf("zone %q is not made: choose one of %s", args[0], strings.Join(origins, ", "))}
	}
	return i, nil
}

// write writes all zones into a folder.
func write(ctx context.Context, options publish.FolderOptions, snapshots []*zone.Snapshot, logger *slog.Logger) error {
	folder, err := publish.OpenFolder(options)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // nothing of it is unwritten
	results, err := folder.Publish(ctx, snapshots)
	for _, r := range results {
		if r.Written {
			logger.Info("published", "zone", r.Zone, "serial", r.Serial, "bytes", r.Bytes)
		}
	}
	return err
}
