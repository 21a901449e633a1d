package watch

import (
	"context"
	"log/slog"
	"maps"
	"slices"
)

// hurry is how a kind comes to a version of which it is not known whether the API has
// it: that is asked for, and told by a brief watch. If the watch does not come to it, a
// list does.
type hurry struct {
	wanted  uint64 // the version
	present uint64 // how far the API had come after wanted was asked for first; 0: not known
	next    bool   // the next watch is to be brief
	anew    bool   // the next list is to be of the newest version
	unsure  bool   // the API could not be asked, so what is known may be old
}

// reached notes that the kind has come to a version.
func (h *hurry) reached(version uint64) {
	if version >= h.wanted {
		h.next, h.unsure = false, false
	}
}

// hurry has the kind watched anew, so that it is known soon whether it has come to a
// version. A list tells that anyway.
func (a *access) hurry(version uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hurried.wanted != version {
		a.hurried.wanted, a.hurried.present = version, 0
	}
	if a.listing || a.cut == nil {
		return
	}
	a.hurried.anew = a.hurried.anew || a.hurried.present != 0 // a watch was not enough
	a.hurried.next = true
	a.cut(a.listedAt)
}

// hurries returns the version to which the next watch is to come soon. It does so once,
// or until the API could be asked.
func (a *access) hurries() (wanted uint64, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	ok = a.hurried.next
	a.hurried.next = false
	return a.hurried.wanted, ok
}

// listsAnew reports whether the next list is to be of the newest version.
func (a *access) listsAnew() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.hurried.anew
}

// cannotAsk notes that the API could not be asked how far it has come.
func (a *access) cannotAsk(err error) {
	a.mu.Lock()
	known := a.hurried.unsure
	a.hurried.next, a.hurried.unsure = true, true
	a.mu.Unlock()
	level := slog.LevelWarn
	if known {
		level = slog.LevelDebug
	}
	p := explain(err, verbList, a.resource, a.host)
	attrs := []slog.Attr{slog.String("resource", a.resource.String()), slog.String("problem", p.text)}
	if p.remedy != "" {
		attrs = append(attrs, slog.String("remedy", p.remedy))
	}
	a.logger.LogAttrs(context.Background(), level, "cannot find out whether the state is as new as what was published, trying again", attrs...)
}

// isAt notes how far the API had come after a version was asked for. If another one was asked
// for since, that says nothing about it.
func (a *access) isAt(wanted, present uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hurried.wanted != wanted {
		return
	}
	a.hurried.present, a.hurried.unsure = present, false
}

// reachable returns a version, or how far the API had come instead when hurry was
// called for that.
func (a *access) reachable(version uint64) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if h := a.hurried; h.wanted == version && h.present != 0 {
		return min(version, h.present)
	}
	return version
}

// CatchUp implements [Source].
func (k *Kubernetes) CatchUp(to Position) {
	behind := k.queue.behind(k.Reachable(to))
	for _, a := range k.accesses() {
		if kind := a.resource.Resource; slices.Contains(behind, kind) {
			a.hurry(to[kind])
		}
	}
}

// CatchUp implements [Source].
func (m *Manifests) CatchUp(Position) {}

// Reachable implements [Source].
func (k *Kubernetes) Reachable(to Position) Position {
	reachable := maps.Clone(to)
	for _, a := range k.accesses() {
		if version, ok := to[a.resource.Resource]; ok {
			reachable[a.resource.Resource] = a.reachable(version)
		}
	}
	return reachable
}

// Reachable implements [Source].
func (m *Manifests) Reachable(to Position) Position { return to }
