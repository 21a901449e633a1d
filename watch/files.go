package watch

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stdin is the path of standard input.
const stdin = "-"

// maxManifest is the largest manifest in bytes. It bounds the memory that a
// parser can be made to use.
const maxManifest = 64 << 20

func cleanPath(path string) string {
	if path == stdin {
		return path
	}
	return filepath.Clean(path)
}

// isManifest reports whether a file in a folder is taken for a manifest, by its
// name. Names that begin with a dot are those of editors and of ConfigMap mounts.
func isManifest(name string) bool {
	base := filepath.Base(name)
	return !strings.HasPrefix(base, ".") && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(base))
}

// isStream reports whether a path can be read but once: standard input, a pipe,
// a device.
func isStream(path string) bool {
	if path == stdin {
		return true
	}
	info, err := os.Stat(path)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

// displayName is how messages call a file.
func displayName(name string) string {
	if name == stdin {
		return "standard input"
	}
	return name
}

// find returns the files of a path: itself, or those of the folder. With an
// error, they are those that were found last: a path that is not there is a
// mount that was lost or a deployment half done, and no reason to empty a zone.
// The log gets each error once.
func (m *Manifests) find(ctx context.Context, path string) ([]string, error) {
	files, err := m.list(path)
	if err == nil {
		m.found[path] = files
		if m.lost[path] != "" {
			delete(m.lost, path)
			m.logger.LogAttrs(ctx, slog.LevelInfo, "path of manifests can be read again", slog.String("path", path))
		}
		return files, nil
	}
	if text := err.Error(); m.queue.isComplete() && m.lost[path] != text {
		m.lost[path] = text
		m.logger.LogAttrs(ctx, slog.LevelError, "path of manifests cannot be read, what was found last stays",
			slog.String("path", path), slog.Any("error", err))
	}
	return m.found[path], err
}

// isGone reports whether a file of a path that is not there was deleted: from a
// folder that is still there. What was asked for by its own name is only lost.
func isGone(path, name string) bool {
	if name == path {
		return false
	}
	_, err := os.Stat(path)
	return err == nil
}

func (m *Manifests) list(path string) ([]string, error) {
	if path == stdin {
		return []string{stdin}, nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return []string{path}, nil
	}
	folders, err := m.folders(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			name := filepath.Join(folder, entry.Name())
			if info, err := os.Stat(name); isManifest(name) && err == nil && info.Mode().IsRegular() {
				files = append(files, name)
			}
		}
	}
	slices.Sort(files)
	return files, nil
}

// folders returns a folder and, if those are to be read, the ones inside of it,
// but for hidden ones.
func (m *Manifests) folders(path string) ([]string, error) {
	if !m.options.Recursive {
		return []string{path}, nil
	}
	var folders []string
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != path && strings.HasPrefix(entry.Name(), ".") && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir() || name == path:
			folders = append(folders, name)
		}
		return nil
	})
	return folders, err
}

// content reads a file, if it is not too large.
func (m *Manifests) content(ctx context.Context, name string) ([]byte, error) {
	open := func() (io.ReadCloser, error) { return os.Open(name) }
	if name == stdin {
		open = func() (io.ReadCloser, error) { return io.NopCloser(m.options.Stdin), nil }
	}
	if isStream(name) {
		return readStream(ctx, name, open)
	}
	if info, err := os.Stat(name); err == nil && info.Size() > maxManifest {
		return nil, tooLarge(name)
	}
	return readLimited(name, open)
}

// readStream is readLimited for what may never end. When ctx is done it leaves
// the reading alone, which ends with the process.
func readStream(ctx context.Context, name string, open func() (io.ReadCloser, error)) ([]byte, error) {
	var data []byte
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		data, err = readLimited(name, open)
	}()
	select {
	case <-done:
		return data, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func readLimited(name string, open func() (io.ReadCloser, error)) ([]byte, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", displayName(name), err)
	case len(data) > maxManifest:
		return nil, tooLarge(name)
	}
	return data, nil
}

func tooLarge(name string) error {
	return fmt.Errorf("%s is larger than %d MiB: split it", displayName(name), maxManifest>>20)
}
