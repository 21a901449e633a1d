package multicluster

import (
	"cmp"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"

	"github.com/miekg/dns"
)

// Defaults of the properties.
const (
	defaultDirectory      = "/zones"
	defaultStartupTimeout = 5 * time.Second
)

func init() {
	plugin.Register(pluginName, setup)
	caddy.RegisterEventHook(pluginName, listening)
}

func setup(c *caddy.Controller) error {
	m, err := parse(c)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	m.config = dnsserver.GetConfig(c)
	f := corefileOf(c)
	f.all = append(f.all, m.zones)
	c.OnStartup(func() error {
		f.start()
		m.wait(f.begun)
		return nil
	})
	c.OnShutdown(func() error {
		m.stop()
		return nil
	})
	m.config.AddPlugin(func(next plugin.Handler) plugin.Handler {
		return &Multicluster{Next: next, Fall: m.Fall, zones: m.zones} // one for each key of the server block
	})
	return nil
}

// parse reads the block of the Corefile.
func parse(c *caddy.Controller) (*Multicluster, error) {
	m := &Multicluster{zones: &zones{poll: defaultPoll, startupTimeout: defaultStartupTimeout}}
	o := options{dir: defaultDirectory, limits: defaultLimits, journal: defaultJournal}
	var names []string
	for i := 0; c.Next(); i++ {
		if i > 0 {
			return nil, plugin.ErrOnce
		}
		args := c.RemainingArgs()
		if err := areZones(c, args); err != nil {
			return nil, err
		}
		names = plugin.OriginsFromArgsOrServerBlock(args, c.ServerBlockKeys)
		for c.NextBlock() {
			property, args := c.Val(), c.RemainingArgs()
			var err error
			switch property {
			case "directory":
				if len(args) != 1 {
					return nil, c.ArgErr()
				}
				o.dir = args[0]
			case "noendpoints":
				if len(args) != 0 {
					return nil, c.ArgErr()
				}
				o.noEndpoints = true
			case "fallthrough":
				err = areZones(c, args)
				m.Fall.SetZonesFromArgs(args)
			case "reload":
				m.poll, err = duration(c, property, args)
			case "startup_timeout":
				m.startupTimeout, err = duration(c, property, args)
			case "journal":
				o.journal, err = journalOf(c, args)
			case "kubeconfig":
				return nil, c.Err("kubeconfig is zonegen's now: this plugin serves the zone files that zonegen writes, and never " +
					"connects to the Kubernetes API. Run `zonegen run --kubeconfig FILE [--context CONTEXT] --zone-dir DIR`, and give DIR to the property directory")
			default:
				return nil, c.Errf("unknown property '%s'", property)
			}
			if err != nil {
				return nil, err
			}
		}
	}
	if root := dnsserver.GetConfig(c).Root; !filepath.IsAbs(o.dir) && root != "" {
		o.dir = filepath.Join(root, o.dir)
	}
	var err error
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return nil, err
	}
	return m, m.add(c, names, o)
}

// areZones returns an error if an argument is no zone. CoreDNS leaves such out.
func areZones(c *caddy.Controller, args []string) error {
	for _, arg := range args {
		if len(plugin.Host(arg).NormalizeExact()) == 0 {
			return c.Errf("'%s' is no zone: give a domain name or a network in CIDR notation", arg)
		}
	}
	return nil
}

// duration reads the argument of a property that is a time.
func duration(c *caddy.Controller, property string, args []string) (time.Duration, error) {
	if len(args) != 1 {
		return 0, c.ArgErr()
	}
	d, err := time.ParseDuration(args[0])
	if err != nil {
		return 0, c.Errf("%s: %v", property, err)
	}
	if d < 0 {
		return 0, c.Errf("%s: '%s' is negative", property, args[0])
	}
	return d, nil
}

// journalOf reads the arguments of the property: versions, and mebibytes.
func journalOf(c *caddy.Controller, args []string) (journalLimits, error) {
	if len(args) < 1 || len(args) > 2 {
		return journalLimits{}, c.ArgErr()
	}
	numbers := [2]uint64{0, defaultJournal.octets >> 20}
	for i, arg := range args {
		n, err := strconv.ParseUint(arg, 10, 20)
		if err != nil {
			return journalLimits{}, c.Errf("journal: '%s' is no number from 0 to 1048575", arg)
		}
		numbers[i] = n
	}
	if numbers[0] > 0 && numbers[1] == 0 {
		return journalLimits{}, c.Err("journal: no version fits into 0 MiB; to keep none, use 'journal 0'")
	}
	return journalLimits{versions: int(numbers[0]), octets: numbers[1] << 20}, nil
}

// add adds the zones, of which the options have what they share.
func (z *zones) add(c *caddy.Controller, names []string, o options) error {
	z.dir = o.dir
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(dns.CountLabel(b), dns.CountLabel(a)), strings.Compare(a, b))
	})
	names = slices.Compact(names)
	for _, name := range names {
		if !isReverse(name) {
			o.forward = append(o.forward, name)
		}
	}
	for _, name := range names {
		if name == "." {
			return c.Err("the root is no zone of services: name the zones, as in `multicluster clusterset.local`")
		}
		if strings.ContainsAny(name, `/\`) {
			return c.Errf("'%s' cannot be part of the name of a file", name)
		}
		o.zone = name
		z.zones = append(z.zones, newZone(o))
	}
	return nil
}
