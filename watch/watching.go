package watch

import (
	"maps"
	"time"
)

// Watch is how a source stands with one kind of object of an API.
type Watch struct {
	// Resource is its plural name, as in a role: "endpointslices".
	Resource string
	// Synced reports that all objects were listed once and a watch was opened.
	Synced bool
	// Up reports that it is synced, nothing has gone wrong since the last watch was
	// opened, and neither is it listed anew nor has a list or a watch been asked for in
	// vain for seconds, nor could the API not be asked whether what is known is old (see
	// [Source]'s CatchUp). A watch that tells nothing for minutes is opened anew.
	Up bool
	// Heard is when the API last told anything: a list, a change, that there is none,
	// or that a watch begins, so every three minutes at least. Zero if it never did.
	Heard time.Time
	// Lists is how often all objects were listed.
	Lists int
	// Problems is how often a request failed, by the sort of problem; see
	// [Problems].
	Problems map[string]int
}

// Watches implements [Source].
func (k *Kubernetes) Watches() []Watch {
	var all []Watch
	for _, a := range k.accesses() {
		all = append(all, a.watch())
	}
	return all
}

// Watches implements [Source].
func (m *Manifests) Watches() []Watch { return nil }

// overdue is how long an answer takes at most, when all is well.
const overdue = 5 * time.Second

func (a *access) watch() Watch {
	a.mu.Lock()
	defer a.mu.Unlock()
	synced := a.listed && a.watched
	return Watch{
		Resource: a.resource.Resource,
		Synced:   synced,
		Up:       synced && !a.listing && !a.hurried.unsure && a.problem == (problem{}) && (a.asked.IsZero() || time.Since(a.asked) < overdue),
		Heard:    a.heard,
		Lists:    a.lists,
		Problems: maps.Clone(a.problems),
	}
}
