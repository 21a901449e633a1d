package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// onlooker reads the zone files of a folder all the time.
type onlooker struct {
	t     testing.TB
	dir   string
	pause func() // in the middle of a file; nil: none

	mu    sync.Mutex
	zones []*follower
	known map[string]fs.FileInfo
	err   error // what was wrong first
}

func newOnlooker(t testing.TB, c *numbered, dir string, pause func()) *onlooker {
	t.Helper()
	o := &onlooker{t: t, dir: dir, pause: pause, known: make(map[string]fs.FileInfo)}
	for _, origin := range allZones {
		o.zones = append(o.zones, newFollower(t, c, origin))
	}
	return o
}

// follow looks all the time until stop is called, which reports what was wrong.
func (o *onlooker) follow() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		next := time.NewTicker(time.Millisecond)
		defer next.Stop()
		for {
			select {
			case <-done:
				return
			case <-next.C:
				o.look(false)
			}
		}
	}()
	return func() {
		o.t.Helper()
		close(done)
		<-ended
		if o.err != nil {
			o.t.Error(o.err)
		}
	}
}

// look reads the files that are others than they were, or all.
func (o *onlooker) look(all bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.zones {
		if o.err == nil {
			o.err = o.lookAt(f, all)
		}
	}
}

func (o *onlooker) lookAt(f *follower, all bool) error {
	name := filepath.Join(o.dir, "db."+strings.TrimSuffix(f.origin, "."))
	info, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) && f.seen == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if known := o.known[name]; !all && known != nil && os.SameFile(known, info) && known.Size() == info.Size() && known.ModTime().Equal(info.ModTime()) {
		return nil
	}
	text, info, err := o.read(name)
	if err != nil {
		return err
	}
	o.known[name] = info
	return f.see(text, info.ModTime())
}

// read returns a zone file with what it includes.
func (o *onlooker) read(name string) ([]byte, fs.FileInfo, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	half := make([]byte, info.Size()/2)
	if _, err := io.ReadFull(file, half); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	if o.pause != nil {
		o.pause()
	}
	rest, err := io.ReadAll(file)
	if err != nil {
		return nil, nil, err
	}
	text, err := withIncludes(append(half, rest...), func(chunk string) ([]byte, error) {
		return os.ReadFile(filepath.Join(o.dir, chunk))
	})
	return text, info, err
}

// withIncludes puts what a root includes in its place.
func withIncludes(root []byte, read func(name string) ([]byte, error)) ([]byte, error) {
	if !bytes.Contains(root, []byte("\n$INCLUDE ")) {
		return root, nil
	}
	var text []byte
	for line := range bytes.Lines(root) {
		name, is := bytes.CutPrefix(line, []byte("$INCLUDE "))
		if !is {
			text = append(text, line...)
			continue
		}
		chunk, err := read(string(bytes.TrimSpace(name)))
		if err != nil {
			return nil, err
		}
		text = append(text, chunk...)
	}
	return text, nil
}

// reached returns nil when no zone is of an older state.
func (o *onlooker) reached(states [kinds]int) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return nil // the end of the test tells
	}
	for _, f := range o.zones {
		if err := f.isOf(states); err != nil {
			return err
		}
	}
	return nil
}

// serial is that of the newest version of a zone.
func (o *onlooker) serial(origin string) uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.zones {
		if f.origin == origin {
			return f.newest.serial
		}
	}
	o.t.Fatalf("nobody looks at %s", origin)
	return 0
}

// apart reports whether two zones show different states of imports.
func (o *onlooker) apart() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	first, last := 0, o.zones[0].newest.to[imports]
	for _, f := range o.zones {
		first, last = max(first, f.newest.from[imports]), min(last, f.newest.to[imports])
	}
	return first > last
}

// String tells how many versions were seen of each zone, and how old they were at most.
func (o *onlooker) String() string {
	var text []string
	for _, f := range o.zones {
		text = append(text, fmt.Sprintf("%d versions of %s, at most %s old when they were published", f.seen, f.origin, f.lag.Round(time.Millisecond)))
	}
	return strings.Join(text, "; ")
}
