package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clusterset-dns/zonegen/explain"
	"github.com/clusterset-dns/zonegen/source"
)

// explainFlags are the flags of zonegen explain.
type explainFlags struct {
	log     logFlags
	source  sourceFlags
	zones   zoneFlags
	timeout time.Duration
	output  string
	color   string
}

func newExplainCommand() *cobra.Command {
	f := explainFlags{timeout: time.Minute, output: "text", color: "auto"}
	cmd := &cobra.Command{
		Use:   "explain NAME|IP|NAMESPACE/SERVICE [@SERVER[:PORT]]",
		Short: "Tell why a name answers what it answers, or nothing",
		Long: `Tell why a name answers what it answers, or nothing: its ServiceImport, the
EndpointSlices and their clusters, which endpoints are ready, what was left out and
why, which records came of it. For a name that does not exist: which of its labels is
wrong, and the closest name that exists. For an address: who has it, and whose name
it got.

With @SERVER that name server is asked as well, and its answer compared.

The exit status is 0 if the name exists, and the server, if one is asked, says what
it should; 1 if not; 2 if it cannot be told.`,
		Example: `  # Which endpoints are behind a name?
  zonegen explain web.sites.svc.clusterset.local

  # The same, of manifests: all of a service.
  zonegen explain -f examples/ sites/web

  # Whose address is that?
  zonegen explain -f examples/ 10.61.2.8

  # Does the server say so, too?
  zonegen explain sites/web @10.96.0.10

  # Why is there no such name?
  zonegen explain -f examples/ web-2.tokyo.web.sites.svc.clusterset.local`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completeService,
		RunE:              func(cmd *cobra.Command, args []string) error { return neverOne(f.run(cmd, args)) },
	}
	f.source.register(cmd.Flags())
	f.zones.register(cmd.Flags())
	f.log.registerAt(cmd.Flags(), "error")
	cmd.Flags().Var(interval(&f.timeout, 0), "timeout", "how long to wait for the cluster and the server, a `time`; 0 for as long as it takes")
	cmd.Flags().VarP(choice(&f.output, "text", "json"), "output", "o", "`format` of the explanation: text or json")
	cmd.Flags().Var(choice(&f.color, colorModes...), "color", "`when` to colour text: auto (on a terminal), always or never")
	return cmd
}

func (f *explainFlags) run(cmd *cobra.Command, args []string) error {
	logger := f.log.logger(cmd.ErrOrStderr())
	_, zoneErr := f.zones.set()
	server, serverErr := serverOf(args[1:])
	if err := flagErrors(zoneErr, serverErr); err != nil {
		return err
	}
	services, err := f.source.source(0, logger)
	if err != nil {
		return usageError{err}
	}
	ctx, cancel := withTimeout(cmd.Context(), f.timeout)
	defer cancel()
	state, err := firstState(ctx, services, logger)
	if err != nil {
		return err
	}
	options, _ := f.zones.options()
	explainer, err := explain.New(options, state, services.Orphans())
	if err != nil {
		return err
	}
	answer, err := explainer.Explain(args[0])
	if err != nil {
		return usageError{err}
	}
	var askErr error
	if server != "" {
		askErr = answer.Ask(ctx, server)
	}
	if err := f.print(cmd.OutOrStdout(), answer); err != nil {
		return err
	}
	if askErr != nil {
		return askErr
	}
	if answer.Verdict != explain.Answers && answer.Verdict != explain.NoData || answer.Server != nil && !answer.Server.Agrees {
		return exitCode(1)
	}
	return nil
}

// serverOf returns HOST:PORT of the argument @SERVER, empty if there is none.
func serverOf(args []string) (string, error) {
	if len(args) == 0 {
		return "", nil
	}
	if !strings.HasPrefix(args[0], "@") {
		return "", fmt.Errorf("%q is no name server: give @HOST or @HOST:PORT", args[0])
	}
	p, err := source.Parse(args[0])
	if err == nil && p.Zone() != "" {
		err = fmt.Errorf("%q: the name says the zone; leave it out", args[0])
	}
	return p.Server(), err
}

// print writes an explanation to standard output.
func (f *explainFlags) print(out io.Writer, answer *explain.Answer) error {
	if f.output == "json" {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(answer)
	}
	t := &explanation{paint: newPainter(f.color, out)}
	t.answer(answer)
	_, err := io.WriteString(out, t.String())
	return err
}
