package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/clusterset-dns/zonegen/check"
	"github.com/clusterset-dns/zonegen/source"
	"github.com/clusterset-dns/zonegen/zone"
)

// checkFlags are the flags of zonegen check.
type checkFlags struct {
	log    logFlags
	source sourceFlags
	places placeFlags
	origin string
	output string
}

func newCheckCommand() *cobra.Command {
	f := checkFlags{output: "text"}
	cmd := &cobra.Command{
		Use:   "check PLACE...",
		Short: "Tell whether zones load and keep the record contract",
		Long: `Tell whether zones load, and whether they keep the record contract: apex and glue,
the dns-version record, forms and types of names, one TTL in an RRset, SRV and PTR
targets that exist, no duplicates, no wildcards, CNAMEs or delegations. Records that
a signer adds (DNSSEC) are not judged. A PLACE is one of:

  FILE or FOLDER                    a zone file, - for standard input, or all files
                                    db.ZONE of a folder
  @SERVER[:PORT][/ZONE]             a name server that lets the zone be transferred;
                                    without ZONE that is clusterset.local
  configmap:NAMESPACE/NAME[/ZONE]   a ConfigMap with zones

All zones are judged together: what a PTR record points to is looked up in the
forward zone, if that is among them.

A file named db.ZONE is that zone; any other file is the zone of its SOA record, or
that of --origin. What a file includes must be in its own folder.

Findings go to standard output, a line each (FILE:LINE: RULE: NAME: MESSAGE), at most
100 of one rule for one file. The exit status is 1 if there is any, and 2 if a place
cannot be read or nothing can be written.`,
		Example: `  # A forward zone together with its reverse zones.
  zonegen check /zones/db.*

  # What do name servers of the cluster get?
  zonegen check configmap:dns/zones

  # What does this server really serve?
  zonegen check @10.96.0.10 @10.96.0.10/in-addr.arpa

  # What would be published for the example manifests?
  zonegen render -f examples/ | zonegen check -

  # How many findings are there of each rule?
  zonegen check /zones/db.* | cut -d: -f3 | sort | uniq -c`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completePlace(source.ConfigMapPrefix),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.source.registerCluster(cmd.Flags())
	f.places.register(cmd.Flags())
	f.log.registerAt(cmd.Flags(), "warn")
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
	reader, err := f.places.reader(cmd.InOrStdin(), &f.source, f.log.logger(cmd.ErrOrStderr()))
	if err != nil {
		return flagErrors(err)
	}
	reader.Origin = f.origin
	ctx, cancel := withTimeout(cmd.Context(), f.places.timeout)
	defer cancel()
	var zones []*check.Zone
	failed := false
	for _, name := range args {
		read, err := readPlace(ctx, reader, name)
		if err != nil {
			failed = true
			fmt.Fprintf(cmd.ErrOrStderr(), "zonegen: %v\n", withHint(err))
			continue
		}
		zones = append(zones, read...)
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

// readPlace reads the zones of a place, of a server the one that all clustersets have.
func readPlace(ctx context.Context, reader *source.Reader, name string) ([]*check.Zone, error) {
	place, err := source.Parse(name)
	if err != nil {
		return nil, err
	}
	return reader.Read(ctx, place, zone.DefaultZone)
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
