package main

import (
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
	}
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRunCommand(), newRenderCommand(), newCheckCommand(), newDiffCommand(), newExplainCommand(), newVersionCommand(), newManCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	adopt(root)
	return root
}

// adopt gives a command and those below it what is common to all: wrong
// arguments are usage errors, also where cobra would print its help and call
// that a success, and the values of flags are completed.
func adopt(cmd *cobra.Command) {
	switch {
	case !cmd.Runnable(): // it only has commands below it
		cmd.Args = noCommand
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	case cmd.Name() == "help":
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil {
				return err
			}
			return noCommand(found, rest)
		}
	}
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return seeHelp(cmd, err)
			}
			return nil
		}
	}
	completeValues(cmd)
	for _, below := range cmd.Commands() {
		adopt(below)
	}
}

// noCommand says that the first of the arguments is no command below this one.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2
	if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
		return fmt.Errorf("unknown command %q for %q: did you mean %s?", args[0], cmd.CommandPath(), strings.Join(similar, " or "))
	}
	return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
}
