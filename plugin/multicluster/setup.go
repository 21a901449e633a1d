package multicluster

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"
)

// Defaults of the properties.
const (
	defaultDirectory      = "/zones"
	defaultStartupTimeout = 5 * time.Second
)

func init() { plugin.Register(pluginName, setup) }

func setup(c *caddy.Controller) error {
	m, err := parse(c)
	if err != nil {
		return plugin.Error(pluginName, err)
	}
	config := dnsserver.GetConfig(c)
	c.OnStartup(func() error {
		if t, ok := config.Handler("transfer").(*transfer.Transfer); ok {
			m.notifier.transfer = t
		}
		started(m.zones)
		m.start()
		m.wait()
		return nil
	})
	c.OnRestart(restarts)
	c.OnRestartFailed(restartFailed)
	c.OnShutdown(func() error {
		m.stop()
		return nil
	})
	config.AddPlugin(func(next plugin.Handler) plugin.Handler {
		return &Multicluster{Next: next, Fall: m.Fall, zones: m.zones} // one for each key of the server block
	})
	return nil
}

// parse reads the block of the Corefile.
func parse(c *caddy.Controller) (*Multicluster, error) {
	m := &Multicluster{zones: &zones{poll: defaultPoll, startupTimeout: defaultStartupTimeout}}
	directory, noEndpoints := defaultDirectory, false
	var names []string
	for i := 0; c.Next(); i++ {
		if i > 0 {
			return nil, plugin.ErrOnce
		}
		names = plugin.OriginsFromArgsOrServerBlock(c.RemainingArgs(), c.ServerBlockKeys)
		for c.NextBlock() {
			property, args := c.Val(), c.RemainingArgs()
			var err error
			switch property {
			case "directory":
				if len(args) != 1 {
					return nil, c.ArgErr()
				}
				directory = args[0]
			case "noendpoints":
				if len(args) != 0 {
					return nil, c.ArgErr()
				}
				noEndpoints = true
			case "fallthrough":
				m.Fall.SetZonesFromArgs(args)
			case "reload":
				m.poll, err = duration(c, property, args)
			case "startup_timeout":
				m.startupTimeout, err = duration(c, property, args)
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
	if root := dnsserver.GetConfig(c).Root; !filepath.IsAbs(directory) && root != "" {
		directory = filepath.Join(root, directory)
	}
	dir, err := filepath.Abs(directory)
	if err != nil {
		return nil, err
	}
	return m, m.add(c, names, dir, noEndpoints)
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

// add adds the zones.
func (z *zones) add(c *caddy.Controller, names []string, dir string, noEndpoints bool) error {
	z.dir = dir
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(dns.CountLabel(b), dns.CountLabel(a)), strings.Compare(a, b))
	})
	names = slices.Compact(names)
	var forward []string
	for _, name := range names {
		if !isReverse(name) {
			forward = append(forward, name)
		}
	}
	for _, name := range names {
		if name == "." {
			return c.Err("the root is no zone of services: name the zones, as in `multicluster clusterset.local`")
		}
		if strings.ContainsAny(name, `/\`) {
			return c.Errf("'%s' cannot be part of the name of a file", name)
		}
		z.zones = append(z.zones, newZone(options{
			zone: name, dir: dir, forward: forward, noEndpoints: noEndpoints, limits: defaultLimits,
		}))
	}
	return nil
}
