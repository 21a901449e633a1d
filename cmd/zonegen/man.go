package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newManCommand is for who packages zonegen: it is not listed.
func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man FOLDER",
		Short: "Write the manual pages into a folder",
		Long: `Write manual pages, zonegen.1 and one for each command, into a folder, which is made
if it is missing. Their date is the time, or $SOURCE_DATE_EPOCH.`,
		Example: "  zonegen man ./man",
		Hidden:  true,
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // for everybody
				return err
			}
			root := newRootCommand()
			forManual(root)
			return doc.GenManTree(root, &doc.GenManHeader{Title: "ZONEGEN", Section: "1", Source: "zonegen " + buildVersion(), Manual: "zonegen"}, args[0])
		},
	}
}

// forManual has the texts of a command and those below it survive Markdown, which
// manual pages are made of.
func forManual(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	cmd.Long = escapeMarkdown(cmd.Long)
	for _, below := range cmd.Commands() {
		forManual(below)
	}
}

// escapeMarkdown keeps text as it is: indented lines are blocks, and no character has
// a meaning.
func escapeMarkdown(text string) string {
	escape := strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "<", `\<`, "`", "\\`", "[", `\[`, "#", `\#`)
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") {
			b.WriteString("    " + line)
		} else {
			b.WriteString(escape.Replace(line))
		}
	}
	return b.String()
}
