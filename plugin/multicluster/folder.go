package multicluster

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/clusterset-dns/zonegen/internal/zonetext"
	"github.com/clusterset-dns/zonegen/zone"
)

// limits bound what one zone may take, all its files together.
type limits struct {
	size    int64 // octets
	files   int
	records int   // in zonegen's form: blocks
	include int64 // octets of one included file
	block   int   // octets from one line that begins with a dollar sign to the next, in zonegen's form
	entry   int   // octets of one entry, in the general form
	memory  int64 // octets that a version takes when it is loaded, about
}

// defaultLimits are far above any zone that zonegen makes: a million records take 40 MB
// of text.
var defaultLimits = limits{size: 256 << 20, files: 1 << 17, records: 1 << 22, include: 64 << 20, block: 64 << 20, entry: zonetext.MaxEntry, memory: 2 << 30}

var (
	errTooLarge  = errors.New("the zone is too large")
	errMemory    = errors.New("the zone takes too much memory")
	errInclude   = errors.New("the file is too large")
	errFiles     = errors.New("the zone includes too many files")
	errIrregular = errors.New("not a regular file")
	errPlain     = errors.New("only a file in the same folder can be included, by its plain name")
	errChunk     = errors.New("the content is not the one that the name tells")
	errBusy      = errors.New("somebody writes to a file")
	errTorn      = errors.New("the file is not complete: \"" + zone.EndMark + "…\", with the serial of its SOA, must be the last line")
)

// folder reads the files of one zone, for one load.
type folder struct {
	file  *os.File // the zone's own
	info  fs.FileInfo
	ours  bool   // it is one of zonegen's
	end   []byte // its last line, if that is zonegen's
	root  *os.Root
	left  limits
	plain []included // files whose name does not tell their content
	any   bool       // there was an $INCLUDE
	// refused is why the text is not read any further, if that is not for the parser to say.
	refused error
}

// included is a file that was included, as it was then.
type included struct {
	name string
	info fs.FileInfo
}

// openFolder opens the file of a zone. It may be a link to anywhere.
func openFolder(path string, l limits) (*folder, error) {
	file, info, err := openRegular(path, os.Stat, os.OpenFile)
	if err != nil {
		return nil, err
	}
	f := &folder{file: file, info: info, left: l}
	f.look()
	return f, nil
}

// openRegular opens a regular file. What it was before does not tell what is opened, so
// nobody may be waited for at the other end of a pipe.
func openRegular(
	name string, stat func(string) (fs.FileInfo, error), open func(string, int, fs.FileMode) (*os.File, error),
) (*os.File, fs.FileInfo, error) {
	irregular := &fs.PathError{Op: "open", Path: name, Err: errIrregular}
	if info, err := stat(name); err != nil {
		return nil, nil, err
	} else if !info.Mode().IsRegular() {
		return nil, nil, irregular // to open a device may do something
	}
	file, err := open(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = irregular
	}
	if err != nil {
		_ = file.Close() // nothing was written
		return nil, nil, err
	}
	return file, info, nil
}

// look looks at both ends of the file, by which one of zonegen's that is still being
// copied can be told, however slowly that goes. If it is too short for them, or cannot
// be read, it has none.
func (f *folder) look() {
	head := make([]byte, len(zone.FileMark))
	if _, err := f.file.ReadAt(head, 0); err != nil || string(head) != zone.FileMark {
		return
	}
	f.ours = true
	tail := make([]byte, len(zone.EndMark)+len("4294967295\n"))
	if _, err := f.file.ReadAt(tail, f.info.Size()-int64(len(tail))); err != nil {
		return
	}
	if at := bytes.Index(tail, []byte(zone.EndMark)); at >= 0 && tail[len(tail)-1] == '\n' {
		f.end = tail[at:]
	}
}

// calm is how long a file must not have been written to before it is read, if
// nothing tells that it is complete.
const calm = 100 * time.Millisecond

// busy returns how long to wait because the file may be half written.
func (f *folder) busy() time.Duration {
	if f.ours && f.end != nil {
		return 0
	}
	return restless(f.info)
}

// restless returns how long a file must still not be written to.
func restless(info fs.FileInfo) time.Duration {
	if age := time.Since(info.ModTime()); age >= 0 && age < calm {
		return calm - age
	}
	return 0
}

// steady returns an error if a file was written to or replaced while all were read,
// or if the zone's own, which has that serial, is not complete.
func (f *folder) steady(serial uint32) error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	if !sameFile(info, f.info) {
		return errBusy
	}
	if f.ours && string(f.end) != zone.EndLine(serial) {
		if restless(f.info) > 0 {
			return errBusy
		}
		return errTorn
	}
	if len(f.plain) == 0 {
		return nil
	}
	if info, err := os.Stat(f.file.Name()); err != nil || !sameFile(info, f.info) {
		return errBusy
	}
	for _, p := range f.plain {
		if info, err := f.root.Stat(p.name); err != nil || !sameFile(info, p.info) {
			return errBusy
		}
	}
	return nil
}

// include returns the content of an included file, for which it uses the memory
// of buf. Errors are an [*includeError].
func (f *folder) include(name string, buf []byte) ([]byte, error) {
	f.any = true
	if f.left.files--; f.left.files < 0 {
		return nil, &includeError{name, errFiles}
	}
	content, err := f.read(name, buf)
	if err != nil {
		return nil, &includeError{name, err}
	}
	return content, nil
}

// read reads a file of the folder, or one in it that a link leads to, as in a
// mounted ConfigMap; [os.Root] follows no link out of it.
func (f *folder) read(name string, buf []byte) ([]byte, error) {
	if name == "." || strings.ContainsAny(name, `/\`) || !fs.ValidPath(name) {
		return nil, errPlain
	}
	if f.root == nil {
		root, err := os.OpenRoot(filepath.Dir(f.file.Name()))
		if err != nil {
			return nil, err
		}
		f.root = root
	}
	file, info, err := openRegular(name, f.root.Stat, f.root.OpenFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > f.left.include {
		return nil, errInclude
	}
	content := bytes.NewBuffer(buf[:0])
	content.Grow(int(min(info.Size(), f.left.size)) + bytes.MinRead)
	left := f.left.include // it may grow
	if _, err := content.ReadFrom(&limited{in: f.limit(file), left: &left}); err != nil {
		return nil, err
	}
	if !zone.IsChunkName(name) {
		if restless(info) > 0 {
			return nil, errBusy
		}
		f.plain = append(f.plain, included{name, info})
	} else if zone.ChunkName(sha256.Sum256(content.Bytes())) != name {
		return nil, errChunk
	}
	return content.Bytes(), nil
}

// includeError says which file cannot be included, and why.
type includeError struct {
	name string
	err  error
}

func (e *includeError) Error() string { return "$INCLUDE " + e.name + ": " + e.err.Error() }
func (e *includeError) Unwrap() error { return e.err }

func (f *folder) close() {
	_ = f.file.Close() // nothing was written
	if f.root != nil {
		_ = f.root.Close()
	}
}

// limit returns a reader that fails when the zone becomes too large.
func (f *folder) limit(in io.Reader) io.Reader { return &limited{in: in, left: &f.left.size} }

type limited struct {
	in   io.Reader
	left *int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.in.Read(p)
	if *l.left -= int64(n); *l.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// sameFile reports whether a file is the same and was not written meanwhile, as
// far as its inode, size and time of modification tell.
func sameFile(a, b fs.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
