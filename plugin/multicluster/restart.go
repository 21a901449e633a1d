package multicluster

import (
	"sync"
	"time"

	"github.com/coredns/caddy"
)

// generation is the plugin instances of one Corefile.
type generation struct {
	all   []*zones
	begun time.Time // when the first of them was started; zero before
}

// generationOf returns that of the Corefile which is being read.
func generationOf(c *caddy.Controller) *generation {
	g, ok := c.Get(pluginName).(*generation)
	if !ok {
		g = new(generation)
		c.Set(pluginName, g)
	}
	return g
}

// start begins to load the zones of all instances, when the first of them starts: so
// they load at the same time, and startup_timeout is counted once.
func (g *generation) start() {
	if !g.begun.IsZero() {
		return
	}
	g.begun = time.Now()
	starting.Lock()
	starting.generation = g
	starting.Unlock()
	seeFailures()
	for _, z := range g.all {
		z.start()
	}
}

// starting is the generation that has begun but whose servers do not listen yet. If
// CoreDNS then goes on with the old Corefile, it just forgets the new instances, and
// nobody else ends them.
var starting struct {
	sync.Mutex
	generation *generation
}

// took returns the generation that was starting, and that nobody else gets.
func took() *generation {
	starting.Lock()
	defer starting.Unlock()
	g := starting.generation
	starting.generation = nil
	if g == nil {
		return new(generation)
	}
	return g
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
