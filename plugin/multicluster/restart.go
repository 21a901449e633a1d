package multicluster

import (
	"slices"
	"sync"

	"github.com/coredns/caddy"
)

// starting are the plugin instances of a new Corefile, until its servers listen. If
// CoreDNS then goes on with the old one, it just forgets the new ones, and nobody
// else ends them.
var starting struct {
	sync.Mutex
	all []*zones
}

// restarts is called by the old instances before a new Corefile is tried.
func restarts() error {
	starting.Lock()
	defer starting.Unlock()
	starting.all = nil
	return nil
}

// started notes a new instance.
func started(z *zones) {
	starting.Lock()
	defer starting.Unlock()
	starting.all = append(starting.all, z)
}

// listening is told of what happens to servers. When new ones have started, the
// secondaries of their zones can be notified.
func listening(event caddy.EventName, _ any) error {
	if event != caddy.InstanceStartupEvent {
		return nil
	}
	starting.Lock()
	ready := starting.all
	starting.all = nil
	starting.Unlock()
	for _, z := range ready {
		z.notifier.begin()
	}
	return nil
}

// stopped forgets an instance.
func stopped(z *zones) {
	starting.Lock()
	defer starting.Unlock()
	starting.all = slices.DeleteFunc(starting.all, func(o *zones) bool { return o == z })
}

// restartFailed is called by the old instances if the new Corefile failed.
func restartFailed() error {
	starting.Lock()
	abandoned := starting.all
	starting.all = nil
	starting.Unlock()
	for _, z := range abandoned {
		z.stop()
	}
	return nil
}
