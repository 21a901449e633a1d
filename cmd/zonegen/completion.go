package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/clusterset-dns/zonegen/source"
)

// completeValues has shells complete the values of a command's flags: the
// choices where there are few, what there is in the cluster, files and folders where
// those are wanted, and else nothing. cobra itself would offer files everywhere.
func completeValues(cmd *cobra.Command) {
	complete := map[string]cobra.CompletionFunc{
		"filename":   cobra.FixedCompletions([]string{"yaml", "yml", "json"}, cobra.ShellCompDirectiveFilterFileExt),
		"kubeconfig": cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		"tsig":       cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault),
		"zone-dir":   cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
		"context":    completeContext,
		"configmap":  completeConfigMap,
	}
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		values, ok := complete[flag.Name]
		if choice, few := flag.Value.(choiceValue); few {
			values = cobra.FixedCompletions(choice.choices, cobra.ShellCompDirectiveNoFileComp)
		} else if !ok {
			values = cobra.NoFileCompletions
		}
		// The only errors are of flags that do not exist or are registered twice.
		_ = cmd.RegisterFlagCompletionFunc(flag.Name, values)
	})
}

// completeContext offers the contexts of the kubeconfig.
func completeContext(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return lookupOf(cmd).contexts(), cobra.ShellCompDirectiveNoFileComp
}

// completeConfigMap offers NAMESPACE/NAME.
func completeConfigMap(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	l := lookupOf(cmd)
	return completePath(typed, l.namespaces, l.configMaps)
}

// completeService offers NAMESPACE/SERVICE as the first argument.
func completeService(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	l := lookupOf(cmd)
	return completePath(typed, l.namespaces, l.services)
}

// completePlace offers the places of zones: files, and what else there is.
func completePlace(words ...string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if rest, ok := strings.CutPrefix(typed, source.ConfigMapPrefix); ok {
			found, directive := completeConfigMap(cmd, nil, rest)
			for i := range found {
				found[i] = source.ConfigMapPrefix + found[i]
			}
			return found, directive
		}
		var found []string
		for _, word := range words {
			if typed != "" && strings.HasPrefix(word, typed) {
				found = append(found, word)
			}
		}
		if slices.Contains(found, source.ConfigMapPrefix) {
			return found, cobra.ShellCompDirectiveNoSpace
		}
		return found, cobra.ShellCompDirectiveDefault
	}
}

// completePath offers NAMESPACE/, and behind that what is in the namespace.
func completePath(typed string, namespaces func() []string, inside func(namespace string) []string) ([]string, cobra.ShellCompDirective) {
	var found []string
	namespace, _, chosen := strings.Cut(typed, "/")
	if !chosen {
		for _, name := range namespaces() {
			found = append(found, name+"/")
		}
		return having(found, typed), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	for _, name := range inside(namespace) {
		found = append(found, namespace+"/"+name)
	}
	return having(found, typed), cobra.ShellCompDirectiveNoFileComp
}

// having returns those that begin with what was typed, sorted.
func having(found []string, typed string) []string {
	found = slices.DeleteFunc(found, func(name string) bool { return !strings.HasPrefix(name, typed) })
	slices.Sort(found)
	return found
}
