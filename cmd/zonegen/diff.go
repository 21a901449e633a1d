package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"github.com/spf13/cobra"

	"github.com/clusterset-dns/zonegen/check"
	"github.com/clusterset-dns/zonegen/diff"
	"github.com/clusterset-dns/zonegen/source"
)

// diffFlags are the flags of zonegen diff.
type diffFlags struct {
	log    logFlags
	source sourceFlags
	zones  zoneFlags
	places placeFlags
	output string
	color  string
	serial bool
}

func newDiffCommand() *cobra.Command {
	f := diffFlags{output: "text", color: "auto"}
	cmd := &cobra.Command{
		Use:   "diff LEFT [RIGHT]",
		Short: "Compare what two places say: cluster, files, servers, ConfigMaps",
		Long: `Compare the zones of two places, RRset by RRset. RIGHT is the cluster if it is left
out, so "zonegen diff @10.96.0.10" tells what a server lacks (+) and what it should
no longer say (-). LEFT and RIGHT are any two of:

  cluster                           what zonegen would publish for the cluster, or
                                    with -f for manifests
  FILE or FOLDER                    a zone file, - for standard input, or all files
                                    db.ZONE of a folder
  @SERVER[:PORT][/ZONE]             a name server that lets zones be transferred
  configmap:NAMESPACE/NAME[/ZONE]   a ConfigMap with zones

Where one side is a file or names its zone, that zone is compared; else all zones
are: those of the cluster, folder or ConfigMap, or between two servers those that
zonegen makes by default. A zone that one of those has not differs in all its
records.

Order, case and the SOA's serial make no difference, nor do records that a signer
adds (DNSSEC). With --output nsupdate the differences are commands for nsupdate
that turn LEFT into RIGHT.

Standard error gets a line for each zone. The exit status is that of diff: 0 if
there are no differences, 1 if there are, 2 if it cannot be told.`,
		Example: `  # Does the server say what the cluster says?
  zonegen diff @10.96.0.10

  # What would change in these zones with the next publication?
  zonegen diff /zones

  # Is the secondary up to date, serial and all?
  zonegen diff --serial @10.96.0.10/clusterset.local @192.0.2.53/clusterset.local

  # What do these manifests make of a zone file?
  zonegen diff -f examples/ /zones/db.clusterset.local

  # Bring a server that is not fed by files up to date.
  zonegen diff @192.0.2.53 --tsig key.conf --output nsupdate | nsupdate -k key.conf`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: completePlace(clusterPlace, source.ConfigMapPrefix),
		RunE:              func(cmd *cobra.Command, args []string) error { return f.run(cmd, args) },
	}
	f.source.register(cmd.Flags())
	f.zones.register(cmd.Flags())
	f.places.register(cmd.Flags())
	cmd.Flags().BoolVar(&f.serial, "serial", false, "compare serials, too")
	cmd.Flags().VarP(choice(&f.output, diffOutputs...), "output", "o", "`format` of the differences: text, json or nsupdate")
	cmd.Flags().Var(choice(&f.color, colorModes...), "color", "`when` to colour text: auto (on a terminal), always or never")
	f.log.registerAt(cmd.Flags(), "warn")
	return cmd
}

var diffOutputs = []string{"text", "json", "nsupdate"}

func (f *diffFlags) run(cmd *cobra.Command, args []string) error {
	err := f.compare(cmd, append(slices.Clip(args), clusterPlace)[:2])
	return neverOne(err)
}

func (f *diffFlags) compare(cmd *cobra.Command, args []string) error {
	logger := f.log.logger(cmd.ErrOrStderr())
	c, err := f.comparison(cmd.InOrStdin(), args, logger)
	if err != nil {
		return err
	}
	ctx, cancel := withTimeout(cmd.Context(), f.places.timeout)
	defer cancel()
	if err := c.read(ctx); err != nil {
		return err
	}
	differences, err := c.differences(f.serial)
	if err != nil {
		return err
	}
	if err := f.print(cmd.OutOrStdout(), c, differences); err != nil {
		return err
	}
	differ := false
	for _, d := range differences {
		fmt.Fprintln(cmd.ErrOrStderr(), d.summary())
		differ = differ || len(d.Changes) > 0
	}
	if differ {
		return exitCode(1)
	}
	return nil
}

// clusterPlace is what stands for the cluster on the command line.
const clusterPlace = "cluster"

// comparison is what is compared.
type comparison struct {
	left, right side
	reader      *source.Reader
	// made are the zones that zonegen makes.
	made []string
	// render reads what the cluster says.
	render func(ctx context.Context) ([]*check.Zone, error)
}

// side is one of two places.
type side struct {
	text    string
	place   source.Place
	cluster bool
	zones   map[string]*check.Zone
}

// one reports whether the side is a single zone.
func (s *side) one() bool {
	return !s.cluster && (s.place.Zone() != "" || !s.place.IsServer() && !s.place.IsConfigMap() && !s.place.IsFolder())
}

// comparison returns what the command line asks for.
func (f *diffFlags) comparison(stdin io.Reader, args []string, logger *slog.Logger) (*comparison, error) {
	c := &comparison{}
	var errs [4]error
	for i, s := range []*side{&c.left, &c.right} {
		s.text, s.cluster = args[i], args[i] == clusterPlace
		if !s.cluster {
			s.place, errs[i] = source.Parse(args[i])
			f.source.alsoTo = f.source.alsoTo || s.place.IsConfigMap()
		}
	}
	if args[0] == args[1] && (c.left.cluster || args[0] == "-") {
		errs[1] = fmt.Errorf("%s is compared with itself; give two places, or one to compare with the cluster", args[0])
	}
	if slices.Contains(args, "-") && slices.Contains(f.source.filenames, "-") {
		errs[1] = errors.New("--filename -: standard input is compared already; give the manifests in a file")
	}
	set, err := f.zones.set()
	errs[2] = err
	c.reader, errs[3] = f.places.reader(stdin, &f.source, logger)
	if err := flagErrors(errs[:]...); err != nil {
		return nil, err
	}
	for _, s := range set.Snapshots() {
		c.made = append(c.made, s.Origin())
	}
	if !c.left.cluster && !c.right.cluster {
		if len(f.source.filenames) > 0 {
			return nil, flagErrors(errors.New("--filename: neither side is the cluster, for which manifests stand; leave out --filename or RIGHT"))
		}
		return c, nil
	}
	services, err := f.source.source(0, logger)
	if err != nil {
		return nil, usageError{err}
	}
	for _, s := range []*side{&c.left, &c.right} {
		if s.cluster && len(f.source.filenames) > 0 {
			s.text = "manifests"
		}
	}
	c.render = func(ctx context.Context) ([]*check.Zone, error) {
		changes, err := firstState(ctx, services, logger)
		if err != nil {
			return nil, err
		}
		set.Apply(changes)
		return readSnapshots(set)
	}
	return c, nil
}

// read reads both sides.
func (c *comparison) read(ctx context.Context) error {
	sides := []*side{&c.left, &c.right}
	var wanted []string
	for _, s := range sides {
		if s.cluster || !s.place.IsServer() || s.place.Zone() != "" {
			if err := c.readSide(ctx, s); err != nil {
				return err
			}
		}
	}
	one := slices.ContainsFunc(sides, (*side).one)
	for _, s := range sides {
		for _, origin := range slices.Sorted(maps.Keys(s.zones)) {
			if (!one || s.one()) && !slices.Contains(wanted, origin) {
				wanted = append(wanted, origin)
			}
		}
	}
	if len(wanted) == 0 {
		wanted = c.made
	}
	for _, s := range sides {
		if s.zones == nil {
			if err := c.readSide(ctx, s, wanted...); err != nil {
				return err
			}
		}
	}
	if !one {
		return nil
	}
	if len(wanted) > 1 {
		return fmt.Errorf("%s and %s are different zones, %s: give two places of the same zone", c.left.text, c.right.text, strings.Join(wanted, " and "))
	}
	for _, s := range sides {
		if s.zones[wanted[0]] == nil {
			return fmt.Errorf("zone %s is not in %s, which has %s: give another place, or options of that zone", wanted[0], s.text, strings.Join(slices.Sorted(maps.Keys(s.zones)), ", "))
		}
		for origin := range s.zones {
			if origin != wanted[0] {
				delete(s.zones, origin)
			}
		}
	}
	return nil
}

// readSide reads one side; of a server, the wanted zones.
func (c *comparison) readSide(ctx context.Context, s *side, wanted ...string) error {
	read := func(ctx context.Context) ([]*check.Zone, error) { return c.reader.Read(ctx, s.place, wanted...) }
	if s.cluster {
		read = c.render
	}
	zones, err := read(ctx)
	if err != nil {
		return err
	}
	s.zones = make(map[string]*check.Zone, len(zones))
	for _, z := range zones {
		if z.Unreadable != nil {
			return errors.New(z.Unreadable.String())
		}
		soa := soaOf(z)
		if soa == nil {
			return fmt.Errorf("%s: no SOA record, so it is no zone: zonegen check tells more", z.File)
		}
		s.zones[dns.CanonicalName(soa.Hdr.Name)] = z
	}
	return nil
}

// soaOf returns the SOA of a zone, nil if there is none.
func soaOf(z *check.Zone) *dns.SOA {
	for i := range z.Records {
		if soa, ok := z.Records[i].RR.(*dns.SOA); ok {
			return soa
		}
	}
	return nil
}

// difference is one zone of a comparison.
type difference struct {
	Zone string `json:"zone"`
	// LeftSerial and RightSerial are null where a zone is not there, or is that of the
	// cluster, which gets its serial when it is published.
	LeftSerial  *uint32 `json:"leftSerial"`
	RightSerial *uint32 `json:"rightSerial"`
	RRsets      int     `json:"rrsets"`
	// Changes turn the left zone into the right one.
	Changes     []diff.Change `json:"changes"`
	left, right *dns.SOA
}

func (d *difference) summary() string {
	if len(d.Changes) == 0 {
		return fmt.Sprintf("%s: no differences in %d RRsets", d.Zone, d.RRsets)
	}
	return fmt.Sprintf("%s: %d of %d RRsets differ", d.Zone, len(d.Changes), d.RRsets)
}

// differences compares what was read.
func (c *comparison) differences(serial bool) ([]difference, error) {
	if serial && (c.left.cluster || c.right.cluster) {
		return nil, usageError{errors.New("--serial: a zone of the cluster gets its serial when it is published; leave --serial out, or compare other places")}
	}
	origins := slices.Collect(maps.Keys(c.left.zones))
	for origin := range c.right.zones {
		if c.left.zones[origin] == nil {
			origins = append(origins, origin)
		}
	}
	slices.SortFunc(origins, func(a, b string) int {
		reverse := func(origin string) int { return strings.Count(origin[max(0, len(origin)-6):], ".arpa.") }
		return cmp.Or(cmp.Compare(reverse(a), reverse(b)), strings.Compare(a, b))
	})
	all := make([]difference, len(origins))
	for i, origin := range origins {
		d := difference{Zone: origin}
		left, right := recordsOf(c.left.zones[origin]), recordsOf(c.right.zones[origin])
		result := diff.Zones(left, right, serial)
		d.RRsets, d.Changes = result.RRsets, result.Changes
		if d.Changes == nil {
			d.Changes = []diff.Change{}
		}
		d.left, d.LeftSerial = c.left.soa(origin)
		d.right, d.RightSerial = c.right.soa(origin)
		all[i] = d
	}
	return all, nil
}

// soa returns the SOA of a zone and its serial, if it was published.
func (s *side) soa(origin string) (*dns.SOA, *uint32) {
	z := s.zones[origin]
	if z == nil {
		return nil, nil
	}
	soa := soaOf(z)
	if s.cluster {
		return soa, nil
	}
	return soa, &soa.Serial
}

func recordsOf(z *check.Zone) []dns.RR {
	if z == nil {
		return nil
	}
	all := make([]dns.RR, len(z.Records))
	for i := range z.Records {
		all[i] = z.Records[i].RR
	}
	return all
}
