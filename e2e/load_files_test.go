package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// files are those of a zone folder, looked at again and again.
type files struct {
	dir    string
	idle   map[string]time.Time // since when a chunk is included by no root
	inode  uint64               // of the zone file
	inodes map[uint64]bool      // that the zone file has had
	reused int                  // how often the zone file was one that it had been before
	most   int                  // files at a time
}

func newFiles(dir string) *files {
	return &files{dir: dir, idle: make(map[string]time.Time), inodes: make(map[uint64]bool)}
}

var includes = regexp.MustCompile(`(?m)^\$INCLUDE (\S+)$`)

// longestIdle is how long a chunk may be there that nothing includes: the grace time, and on a busy machine that again until
// zonegen has seen it, and until it looks.
const longestIdle = 4 * publish.DefaultChunkGrace

// look returns what is wrong with the folder. A chunk may stay for the grace time, and be looked for some time later.
func (f *files) look() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	roots, temporary := 0, 0
	var chunks []string
	for _, entry := range entries {
		switch name := entry.Name(); {
		case strings.HasPrefix(name, "db."):
			roots++
		case strings.HasPrefix(name, zone.TempPrefix):
			temporary++
		case zone.IsChunkName(name):
			chunks = append(chunks, name)
		default:
			return fmt.Errorf("%s has a file %s", f.dir, name)
		}
	}
	if temporary > 2*roots { // what a root was, and what it will be
		return fmt.Errorf("%s has %d temporary files", f.dir, temporary)
	}
	f.most = max(f.most, len(entries))
	return errors.Join(f.lookAt(chunks), f.follow())
}

// lookAt looks at the chunks that are there.
func (f *files) lookAt(chunks []string) error {
	if len(chunks) == 0 {
		return nil // and nothing is read, for who reads a file keeps it from being made the next one
	}
	used, err := f.used()
	if err != nil {
		return err
	}
	now, idle := time.Now(), make(map[string]time.Time)
	for _, name := range chunks {
		if used[name] {
			continue
		}
		since, ok := f.idle[name]
		if !ok {
			since = now
		}
		idle[name] = since
		if now.Sub(since) > longestIdle {
			return fmt.Errorf("%s has a chunk %s that has been of no use since %v", f.dir, name, since)
		}
	}
	f.idle = idle
	return nil
}

// used are the chunks that roots include.
func (f *files) used() (map[string]bool, error) {
	roots, err := filepath.Glob(filepath.Join(f.dir, "db.*"))
	if err != nil {
		return nil, err
	}
	used := make(map[string]bool)
	for _, root := range roots {
		text, err := os.ReadFile(root)
		if err != nil {
			return nil, err
		}
		for _, m := range includes.FindAllSubmatch(text, -1) {
			used[string(m[1])] = true
		}
	}
	return used, nil
}

// follow notes which file the zone file is.
func (f *files) follow() error {
	info, err := os.Stat(filepath.Join(f.dir, "db.clusterset.local"))
	if err != nil {
		return err
	}
	inode := info.Sys().(*syscall.Stat_t).Ino
	if inode != f.inode && f.inodes[inode] {
		f.reused++
	}
	f.inode, f.inodes[inode] = inode, true
	return nil
}

// overdue are the chunks that nothing has included for longer than the grace time.
func (f *files) overdue() []string {
	var names []string
	for name, since := range f.idle {
		if time.Since(since) > publish.DefaultChunkGrace {
			names = append(names, name)
		}
	}
	return names
}

// gone returns an error as long as one of these files is there.
func (f *files) gone(names []string) error {
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(f.dir, name)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is still there (%v)", name, err)
		}
	}
	return nil
}
