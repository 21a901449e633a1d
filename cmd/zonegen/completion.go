package main

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completeValues has shells complete the values of a command's flags: the
// choices where there are few, files and folders where those are wanted, and
// else nothing. cobra itself would offer files everywhere.
func completeValues(cmd *cobra.Command) {
	complete := map[string]cobra.CompletionFunc{
		"log-level":  cobra.FixedCompletions(logLevels, cobra.ShellCompDirectiveNoFileComp),
		"log-format": cobra.FixedCompletions(logFormats, cobra.ShellCompDirectiveNoFileComp),
		"layout":     cobra.FixedCompletions(layouts, cobra.ShellCompDirectiveNoFileComp),
		"output":     cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp),
		"filename":   cobra.FixedCompletions([]string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt),
		"kubeconfig": cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		"zone-dir":   cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	}
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		values, ok := complete[flag.Name]
		if !ok {
			values = cobra.NoFileCompletions
		}
		// The only errors are of flags that do not exist or are registered twice.
		_ = cmd.RegisterFlagCompletionFunc(flag.Name, values)
	})
}
