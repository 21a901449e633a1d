package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// usageError is an error in the command line: nothing was started.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "zonegen",
		Short: "Publish the multi-cluster services of a Kubernetes clusterset as DNS zone files",
		Long: `zonegen watches the ServiceImports and EndpointSlices of a clusterset (Multi-Cluster
Services API, KEP-1645) and writes ordinary RFC 1035 zone files, which any DNS
server can serve.`,
		Example: `  # The sidecar: watch the cluster, keep the files in /zones true to it.
  zonegen run --zone-dir /zones

  # What would be published for these manifests?
  zonegen render -f examples/

  # Does this file load, and does it keep the record contract?
  zonegen check /zones/db.clusterset.local`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())}
	})
	root.AddCommand(newRunCommand(), newRenderCommand(), newCheckCommand(), newVersionCommand())
	for _, cmd := range append(root.Commands(), root) {
		cmd.Args = usageArgs(cmd.Args)
	}
	return root
}

// usageArgs makes the errors of wrong arguments usage errors.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())}
		}
		return nil
	}
}

// flagErrors makes one usage error of several, a line each.
func flagErrors(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return usageError{errors.New(strings.TrimSuffix(err.Error(), "\n"))}
	}
	return nil
}
