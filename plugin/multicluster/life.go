package multicluster

import (
	"context"
	"net"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/transfer"
)

// start begins to load the zones and to watch their folder.
func (z *zones) start() {
	ctx, cancel := context.WithCancel(context.Background())
	z.cancel = cancel
	t, transfers := z.config.Handler("transfer").(*transfer.Transfer)
	if transfers {
		z.notifier.transfer = t
	}
	for _, zone := range z.zones {
		if !transfers {
			zone.loader.journal = journalLimits{} // nobody can ask for differences
		}
		zone.series.server, zone.series.view = address(z.config), z.config.ViewName
		zone.series.begin()
		zone.onLoad = func() { z.notifier.changed(zone.name) }
		z.running.Go(func() { zone.run(ctx) })
	}
	w := newWatcher(z.dir, z.poll, func() {
		for _, zone := range z.zones {
			zone.kick()
		}
	})
	z.running.Go(func() { w.run(ctx) })
}

// address is what CoreDNS' own metrics call the server of a block, or the first of its
// servers.
func address(config *dnsserver.Config) string {
	host := ""
	if len(config.ListenHosts) > 0 {
		host = config.ListenHosts[0]
	}
	return config.Transport + "://" + net.JoinHostPort(host, config.Port)
}

// wait returns when all zones have loaded, but not later than startup_timeout after
// the start.
func (z *zones) wait(start time.Time) {
	if z.startupTimeout == 0 {
		return
	}
	timeout := time.NewTimer(z.startupTimeout - time.Since(start))
	defer timeout.Stop()
	for _, zone := range z.zones {
		select {
		case <-zone.loaded:
		case <-timeout.C:
			log.Warningf("Not all zones have loaded within %s: their names get SERVFAIL until they do", z.startupTimeout)
			return
		}
	}
}

// stop ends all that start began. It can be called more than once.
func (z *zones) stop() {
	z.stopping.Do(func() {
		if z.cancel == nil {
			return // it never began
		}
		z.cancel()
		z.running.Wait()
		z.notifier.close()
		for _, zone := range z.zones {
			zone.series.end()
		}
	})
}
