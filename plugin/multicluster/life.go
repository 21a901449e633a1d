package multicluster

import (
	"context"
	"time"
)

// start begins to load the zones and to watch their folder.
func (z *zones) start() {
	ctx, cancel := context.WithCancel(context.Background())
	z.cancel = cancel
	for _, zone := range z.zones {
		meter(zone.name)
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

// forgetVersions keeps no journal: nobody can transfer the zones.
func (z *zones) forgetVersions() {
	for _, zone := range z.zones {
		zone.loader.journal = journalLimits{}
	}
}

// wait returns when all zones have loaded, but not later than startup_timeout.
func (z *zones) wait() {
	if z.startupTimeout == 0 {
		return
	}
	timeout := time.NewTimer(z.startupTimeout)
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
		stopped(z)
		for _, zone := range z.zones {
			unmeter(zone.name)
		}
	})
}
