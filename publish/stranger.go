package publish

import (
	"io/fs"
	"path/filepath"
	"strings"
)

// note names in the log, once for each folder that is opened, the files that a
// server takes for zones and that are none of the published ones: zones of an
// earlier configuration, which a server goes on serving, or somebody else's.
// They are never touched.
func (f *Folder) note(results []Result) {
	if f.handle.noted {
		return
	}
	f.handle.noted = true
	published := map[string]bool{}
	for i := range results {
		published[filepath.Base(results[i].Path)] = true
	}
	entries, err := fs.ReadDir(f.handle.root.FS(), ".")
	if err != nil {
		f.options.Logger.Debug("cannot list the zone folder", "path", f.options.Path, "error", err)
		return
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() || published[name] || !strings.Contains(name, zonePrefix) {
			continue
		}
		f.options.Logger.Warn("this zone file is not published here, but a server may serve it; remove it if it should not",
			"path", filepath.Join(f.options.Path, name))
	}
}
