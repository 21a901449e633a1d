package publish_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What somebody does to the file behind our back is put right by the next
// Publish, although the content to publish has not changed.
func TestTamper(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, file string)
		// grow is what is added to the serial; 0: the file is left as it is.
		grow uint32
	}{
		{"deleted", func(t *testing.T, file string) {
			must(t, os.Remove(file))
		}, 1},
		{"emptied", func(t *testing.T, file string) {
			must(t, os.Truncate(file, 0))
		}, 1},
		{"changed in place, same size", func(t *testing.T, file string) {
			text := strings.Replace(string(read(t, file)), "10.0.1.3", "10.0.1.9", 1)
			must(t, os.WriteFile(file, []byte(text), 0o644))
		}, 1},
		{"replaced by other content", func(t *testing.T, file string) {
			must(t, os.WriteFile(file+".new", []byte("hello"), 0o644))
			must(t, os.Rename(file+".new", file))
		}, 1},
		{"replaced by a newer serial", func(t *testing.T, file string) {
			must(t, os.WriteFile(file, forward(t, 1).Append(nil, uint32(noon.Unix())+100), 0o644))
		}, 101},
		{"replaced by an older serial", func(t *testing.T, file string) {
			must(t, os.WriteFile(file, forward(t, 1).Append(nil, uint32(noon.Unix())-100), 0o644))
		}, 1},
		{"touched", func(t *testing.T, file string) {
			must(t, os.Chtimes(file, time.Time{}, noon))
		}, 0},
		{"restored from a copy", func(t *testing.T, file string) {
			text := read(t, file)
			must(t, os.Remove(file))
			must(t, os.WriteFile(file, text, 0o644))
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := open(t, t.TempDir(), nil)
			first := f.publish(forward(t, 1))
			test.do(t, first.Path)
			was, err := os.Stat(first.Path)
			r := f.publish(forward(t, 1))
			if r.Written != (test.grow > 0) || r.Serial != first.Serial+test.grow {
				t.Errorf("result %+v, want serial %d", r, first.Serial+test.grow)
			}
			if warned := strings.Contains(f.log.String(), "level=WARN"); warned != r.Written {
				t.Errorf("log: %s", f.log)
			}
			if test.grow == 0 {
				must(t, err)
				untouched(t, was, stat(t, first.Path))
			}
			// Once it is right, it is left alone again.
			was = stat(t, r.Path)
			if again := f.publish(forward(t, 1)); again.Written || again.Serial != r.Serial {
				t.Errorf("result %+v after %+v", again, r)
			}
			untouched(t, was, stat(t, r.Path))
			if next := f.publish(forward(t, 2)); !next.Written || next.Serial != r.Serial+1 {
				t.Errorf("result %+v after %+v", next, r)
			}
		})
	}
}

// A folder that is removed, replaced or moved away is filled again, under a lock
// of its own.
func TestFolderReplaced(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(t *testing.T, path string)
	}{
		{"removed", func(t *testing.T, path string) {
			must(t, os.RemoveAll(path))
		}},
		{"removed and made again", func(t *testing.T, path string) {
			must(t, os.RemoveAll(path))
			must(t, os.Mkdir(path, 0o755))
		}},
		{"removed with what is above it", func(t *testing.T, path string) {
			must(t, os.RemoveAll(filepath.Dir(path)))
		}},
		{"moved away", func(t *testing.T, path string) {
			must(t, os.Rename(path, path+".old"))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "made", "zones")
			f := open(t, path, nil)
			first := f.publish(forward(t, 1))
			test.do(t, path)
			r := f.publish(forward(t, 1))
			if !r.Written || r.Serial != first.Serial+1 {
				t.Errorf("result %+v", r)
			}
			mustBeLocked(t, path)
			if again := f.publish(forward(t, 1)); again.Written {
				t.Errorf("result %+v", again)
			}
			if n := strings.Count(f.log.String(), "the zone folder was replaced"); n != 1 {
				t.Errorf("log: %s", f.log)
			}
		})
	}
}

// A folder that came back with its files is adopted as a restart would.
func TestFolderCameBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zones")
	f := open(t, path, nil)
	first := f.publish(forward(t, 1))
	must(t, os.Rename(path, path+".old"))
	must(t, os.Mkdir(path, 0o755))
	text := read(t, filepath.Join(path+".old", zoneName))
	must(t, os.WriteFile(filepath.Join(path, zoneName), text, 0o644))
	if r := f.publish(forward(t, 1)); r.Written || r.Serial != first.Serial {
		t.Errorf("result %+v", r)
	}
}
