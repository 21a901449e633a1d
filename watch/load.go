package watch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/clusterset-dns/zonegen/zone"
)

// load reads what has changed and brings the store up to date. Only the first
// time is a file that is wrong an error.
func (m *Manifests) load(ctx context.Context, first bool) error {
	var order []string
	var errs []error
	present := map[string]*manifest{}
	changed := first
	for _, path := range m.options.Paths {
		names, err := m.find(ctx, path)
		if err != nil && first {
			errs = append(errs, err)
		}
		for _, name := range names {
			if present[name] != nil {
				continue // found before, by another path
			}
			file := m.files[name]
			if file == nil {
				file = &manifest{}
			}
			updated, err := m.read(ctx, name, file)
			if ctx.Err() != nil {
				return nil
			}
			switch {
			case errors.Is(err, fs.ErrNotExist) && !first:
				if m.files[name] == nil || isGone(path, name) {
					continue
				}
			case err != nil:
				errs = append(errs, m.refuse(name, file, err))
			}
			changed = changed || updated
			present[name], order = file, append(order, name)
		}
	}
	for name := range m.files {
		if present[name] == nil {
			changed = true
			m.logger.LogAttrs(ctx, slog.LevelWarn, "manifest is gone, and its objects with it", slog.String("file", name))
		}
	}
	m.files = present
	if first && len(errs) > 0 {
		return errors.Join(errs...)
	}
	if changed {
		m.apply(ctx, order)
	}
	return nil
}

// read reads a file, and reports whether its objects are new. A stream is read
// only once.
func (m *Manifests) read(ctx context.Context, name string, file *manifest) (updated bool, err error) {
	if file.objects != nil && isStream(name) {
		return false, nil
	}
	data, err := m.content(ctx, name)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(data)
	if !file.known || sum != file.sum {
		var objects *objects
		objects, file.wrong = decodeManifest(data)
		file.known, file.sum = true, sum
		if file.wrong == nil {
			file.objects, updated = objects, true
			m.report(ctx, name, objects)
		}
	}
	if file.wrong != nil {
		return false, fmt.Errorf("%s: %w", displayName(name), file.wrong)
	}
	if file.refused != "" {
		file.refused = ""
		m.logger.LogAttrs(ctx, slog.LevelInfo, "manifest is accepted again", slog.String("file", name))
	}
	return updated, nil
}

// report says what was read.
func (m *Manifests) report(ctx context.Context, name string, o *objects) {
	level := slog.LevelDebug
	if o.ignored > 0 {
		level = slog.LevelInfo
	}
	m.logger.LogAttrs(ctx, level, "manifest read", slog.String("file", name),
		slog.Int("serviceImports", len(o.imports)), slog.Int("endpointSlices", len(o.slices)), slog.Int("ignored", o.ignored))
	for _, warning := range o.warnings {
		m.logger.LogAttrs(ctx, slog.LevelWarn, "manifest has something that is overlooked",
			slog.String("file", name), slog.String("problem", warning))
	}
}

// refuse notes that a file cannot be used as it is, and returns err. Its last
// good content stays. The log gets each reason once.
func (m *Manifests) refuse(name string, file *manifest, err error) error {
	if text := err.Error(); file.refused != text {
		file.refused = text
		if m.queue.isComplete() {
			m.logger.LogAttrs(context.Background(), slog.LevelError, "manifest is refused, its last good content stays",
				slog.String("file", name), slog.Any("error", err))
		}
	}
	return err
}

// apply makes the objects of all files the state of the store. order is that of
// the files.
func (m *Manifests) apply(ctx context.Context, order []string) {
	imports := merged[zone.Key, *importObject]{}
	endpoints := merged[sliceID, *sliceObject]{}
	namespaces := merged[namespaceObject, namespaceObject]{}
	for _, name := range order {
		objects := m.files[name].objects
		if objects == nil {
			continue
		}
		for _, o := range objects.imports {
			if other, twice := imports.add(o.key, o, name); twice {
				m.tellTwice(ctx, "ServiceImport", o.key, other, name)
			}
		}
		for _, o := range objects.slices {
			if other, twice := endpoints.add(o.id, o, name); twice {
				m.tellTwice(ctx, "EndpointSlice", zone.Key{Namespace: o.id.namespace.Value(), Name: o.id.name}, other, name)
			}
		}
		for _, n := range objects.namespaces {
			namespaces.add(n, n, name)
		}
	}
	m.store.update(func() {
		m.store.replaceNamespaces(namespaces.values())
		m.store.replaceImports(imports.values())
		m.store.replaceSlices(endpoints.values())
	})
}

// tellTwice warns, once, of an object that stands in two places.
func (m *Manifests) tellTwice(ctx context.Context, kind string, key zone.Key, first, last string) {
	text := fmt.Sprintln(kind, key, first, last)
	if _, known := m.told[text]; known {
		return
	}
	m.told[text] = struct{}{}
	m.logger.LogAttrs(ctx, slog.LevelWarn, "object stands in manifests twice, the last one counts",
		slog.String("kind", kind), slog.String("namespace", key.Namespace), slog.String("name", key.Name),
		slog.String("overruled", first), slog.String("file", last))
}

// merged is objects by what names them, the last one of each.
type merged[K comparable, T any] map[K]struct {
	object T
	file   string
}

// add returns the file that had the object before, if one had.
func (m merged[K, T]) add(key K, object T, file string) (other string, twice bool) {
	old, twice := m[key]
	m[key] = struct {
		object T
		file   string
	}{object, file}
	return old.file, twice
}

func (m merged[K, T]) values() []T {
	out := make([]T, 0, len(m))
	for _, v := range m {
		out = append(out, v.object)
	}
	return out
}
