package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/clusterset-dns/zonegen/check"
	"github.com/clusterset-dns/zonegen/zone"
)

// checkFlags are the flags of zonegen check.
type checkFlags struct {
	origin string
	output string
}

func newCheckCommand() *cobra.Command {
	f := checkFlags{output: "text"}
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Tell whether zone files load and keep the record contract",
		Long: `Tell whether zone files load, and whether they keep the record contract: apex and
glue, the dns-version record, forms and types of names, one TTL in an RRset, SRV and
PTR targets that exist, no duplicates, no wildcards, CNAMEs or delegations. Records
that a signer adds (DNSSEC) are not judged.

The files are judged together: what a PTR record points to is looked up in the
forward zone, if that is among them. A FILE "-" is standard input.

A file named db.ZONE is that zone; any other file is the zone of its SOA record, or
that of --origin. What a file includes must be in its own folder.

Findings go to standard output, a line each (FILE:LINE: RULE: NAME: MESSAGE), at most
100 of one rule for one file. The exit status is 1 if there is any, and 2 if a file
cannot be read or nothing can be written.`,
		Example: `  # A forward zone together with its reverse zones.
  zonegen check /zones/db.*

  # What would be published for the example manifests?
  zonegen render -f examples/ | zonegen check -

  # How many findings are there of each rule?
  zonegen check /zones/db.* | cut -d: -f3 | sort | uniq -c`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	cmd.Flags().Var(flagValue[string]{&f.origin, originOf}, "origin", "the `zone` of a single file, whatever its name is")
	cmd.Flags().VarP(choice(&f.output, "text", "json"), "output", "o", "`format` of the findings: text or json")
	return cmd
}

// originOf reads the value of --origin.
func originOf(text string) (string, error) {
	if _, ok := dns.IsDomainName(text); !ok {
		return "", fmt.Errorf("use a domain name such as %s", zone.DefaultZone)
	}
	return text, nil
}

func (f *checkFlags) run(cmd *cobra.Command, args []string) error {
	if f.origin != "" && len(args) > 1 {
		return flagErrors(fmt.Errorf("--origin %q: it is for a single file, not for %d: check the files one by one, or name them db.ZONE", f.origin, len(args)))
	}
	var zones []*check.Zone
	failed := false
	for _, name := range args {
		z, err := f.read(cmd.InOrStdin(), name)
		if err != nil {
			failed = true
			fmt.Fprintf(cmd.ErrOrStderr(), "zonegen: %v\n", err)
			continue
		}
		zones = append(zones, z)
	}
	report := check.Judge(zones...)
	if err := f.print(cmd, report); err != nil {
		failed = true
		fmt.Fprintf(cmd.ErrOrStderr(), "zonegen: %v\n", err)
	}
	switch {
	case failed:
		return exitCode(2)
	case len(report.Findings) > 0:
		return exitCode(1)
	}
	return nil
}

func (f *checkFlags) read(in io.Reader, name string) (*check.Zone, error) {
	if name == "-" {
		return check.Read(in, check.Source{Name: "standard input", Origin: f.origin})
	}
	return check.ReadFile(name, f.origin)
}

// print writes the findings to standard output, and to standard error a line for
// each zone.
func (f *checkFlags) print(cmd *cobra.Command, report check.Report) error {
	out := cmd.OutOrStdout()
	if f.output == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		if err := e.Encode(report); err != nil {
			return err
		}
	} else {
		for _, finding := range report.Findings {
			if _, err := fmt.Fprintln(out, finding); err != nil {
				return err
			}
		}
	}
	for _, s := range report.Zones {
		fmt.Fprintln(cmd.ErrOrStderr(), s)
	}
	return nil
}
