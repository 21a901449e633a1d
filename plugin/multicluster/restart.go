package multicluster

import (
	"sync"
	"time"

	"github.com/coredns/caddy"
)

// corefile is the plugin instances of one Corefile.
type corefile struct {
	all   []*zones
	begun time.Time // when the first of them was started; zero before
}

// corefileOf returns that of the Corefile which is being read.
func corefileOf(c *caddy.Controller) *corefile {
	f, ok := c.Get(pluginName).(*corefile)
	if !ok {
		f = new(corefile)
		c.Set(pluginName, f)
	}
	return f
}

// start begins to load the zones of all instances, when the first of them starts: so
// they load at the same time, and startup_timeout is counted once.
func (f *corefile) start() {
	if !f.begun.IsZero() {
		return
	}
	f.begun = time.Now()
	starting.Lock()
	starting.corefile = f
	starting.Unlock()
	seeFailures()
	for _, z := range f.all {
		z.start()
	}
}

// starting is the Corefile that has begun but whose servers do not listen yet. If
// CoreDNS then goes on with the old Corefile, it just forgets the new instances, and
// nobody else ends them.
var starting struct {
	sync.Mutex
	corefile *corefile
}

// took returns the Corefile that was starting, and that nobody else gets.
func took() *corefile {
	starting.Lock()
	defer starting.Unlock()
	f := starting.corefile
	starting.corefile = nil
	if f == nil {
		return new(corefile)
	}
	return f
}

// listening is told of what happens to servers. When new ones have started, the
// secondaries of their zones can be notified.
func listening(event caddy.EventName, _ any) error {
	if event == caddy.InstanceStartupEvent {
		for _, z := range took().all {
			z.notifier.begin()
		}
	}
	return nil
}

// seeFailures has restartFailed called if the start fails and there is a server that
// goes on, with or without this plugin.
func seeFailures() {
	const mark = pluginName + " sees failures"
	for _, i := range caddy.Instances() {
		i.StorageMu.Lock()
		if i.Storage[mark] == nil {
			i.Storage[mark] = true
			i.OnRestartFailed = append(i.OnRestartFailed, restartFailed)
		}
		i.StorageMu.Unlock()
	}
}

// restartFailed ends the instances of a Corefile that is not used.
func restartFailed() error {
	for _, z := range took().all {
		z.stop()
	}
	return nil
}
