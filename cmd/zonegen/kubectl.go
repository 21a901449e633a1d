package main

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// What the program is called when it is a plugin of kubectl, and what kubectl calls
// to complete the plugin's command line.
const (
	kubectlPlugin     = "kubectl-zonegen"
	kubectlCompletion = "kubectl_complete-zonegen"
)

// callAs has the texts of all commands say how the program was called, and returns
// the command line that is meant.
func callAs(root *cobra.Command, program string, args []string) []string {
	switch strings.TrimSuffix(filepath.Base(program), ".exe") {
	case kubectlCompletion:
		return append([]string{cobra.ShellCompRequestCmd}, args...)
	case kubectlPlugin:
		root.Annotations = map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl zonegen"}
		asPlugin(root)
	}
	return args
}

// itself matches the program's name where an example calls it.
var itself = regexp.MustCompile(`(?m)(^ +|\| )zonegen `)

func asPlugin(cmd *cobra.Command) {
	cmd.Example = itself.ReplaceAllString(cmd.Example, "${1}kubectl zonegen ")
	cmd.Long = strings.ReplaceAll(cmd.Long, `"zonegen `, `"kubectl zonegen `)
	for _, below := range cmd.Commands() {
		asPlugin(below)
	}
}
