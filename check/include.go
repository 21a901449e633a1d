package check

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxDepth is how deep files may include files. zonegen's chunks are one deep.
const maxDepth = 4

// beside stands for the zone file's folder in the names that the parser makes:
// it joins a relative name to the folder of the including file, and an absolute
// one to nothing. It has a space, which no word in a zone file has without a
// backslash before it.
const beside = "zone folder"

// includes is what the parser opens $INCLUDE files with.
type includes struct {
	t    *tracker
	open func(name string) (io.ReadCloser, error)
	// folder is what stands before an included file's name in findings.
	folder string
}

// Open implements [fs.FS].
func (f *includes) Open(name string) (fs.File, error) {
	plain, ok := strings.CutPrefix(name, beside+"/")
	switch {
	case !ok || plain == "" || strings.ContainsAny(plain, `/\`):
		return nil, f.refuse("$INCLUDE takes the plain name of a file in the zone file's own folder: move the file there")
	case f.open == nil:
		return nil, f.refuse("$INCLUDE %s: there is no folder to look into: check the file where it is", plain)
	case len(f.t.open) > maxDepth:
		return nil, f.refuse("$INCLUDE %s: files include each other more than %d deep: include it from the zone file", plain, maxDepth)
	}
	full := filepath.Join(f.folder, plain)
	for _, s := range f.t.open[1:] {
		if s.name == full {
			return nil, f.refuse("$INCLUDE %s: the file includes itself: remove the line", plain)
		}
	}
	if f.t.left -= blockSize; f.t.left < 0 {
		return nil, f.t.fail(tooLarge)
	}
	in, err := f.open(plain)
	if err != nil {
		if at := new(fs.PathError); errors.As(err, &at) {
			err = at.Err // the name is known
		}
		return nil, f.refuse("$INCLUDE %s: %v: no server loads the zone without it", plain, err)
	}
	return f.t.newSource(full, in), nil
}

func (f *includes) refuse(format string, args ...any) error {
	return f.t.fail(&refusal{RuleInclude, fmt.Sprintf(format, args...)})
}

// folder opens files beside a zone file, and no others: [os.Root] follows no link
// that leads out.
type folder struct {
	path string
	root *os.Root
}

func (f *folder) open(name string) (io.ReadCloser, error) {
	if f.root == nil {
		root, err := os.OpenRoot(f.path)
		if err != nil {
			return nil, err
		}
		f.root = root
	}
	info, err := f.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return f.root.Open(name)
}

func (f *folder) close() {
	if f.root != nil {
		_ = f.root.Close() // nothing was written
	}
}
