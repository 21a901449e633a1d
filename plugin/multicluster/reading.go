package multicluster

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/clusterset-dns/zonegen/internal/zonetext"

	"github.com/miekg/dns"
)

// beside stands for the zone's folder in the names that the parser makes of
// those in $INCLUDE lines: it puts the folder of the including file before a
// relative name, and nothing before an absolute one. No name in a zone file has
// a blank in it.
const beside = "zone folder"

// includes opens files for the general parser.
type includes struct {
	*folder
	text io.Writer
}

// Open implements [fs.FS].
func (i *includes) Open(name string) (fs.File, error) {
	plain, ok := strings.CutPrefix(name, beside+"/")
	if !ok {
		plain = "/" + name
	}
	content, err := i.include(plain, nil)
	if err != nil {
		return nil, err
	}
	if _, err := i.text.Write(content); err != nil {
		return nil, err
	}
	return &includedFile{&guard{in: bytes.NewReader(content), folder: i.folder, name: plain}}, nil
}

// includedFile is the content of a file, as much of one as the parser needs.
type includedFile struct{ *guard }

// Stat implements [fs.File].
func (*includedFile) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

// Close implements [fs.File].
func (*includedFile) Close() error { return nil }

// guard fails at a $GENERATE line, and where an entry becomes too long: one with an open
// quote or parenthesis has no end, and the parser holds all of it.
type guard struct {
	in      io.Reader
	folder  *folder
	name    string // of an included file
	entries zonetext.Follower
}

var (
	errGenerate = errors.New("$GENERATE is not supported: write the records")
	errEntry    = errors.New("an entry is longer than any record can be: a quote or a parenthesis may be open")
)

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.in.Read(p)
	for _, c := range p[:n] {
		if g.entries.Next(c) == zonetext.Generate {
			return 0, g.refuse(errGenerate)
		}
		if g.entries.Length() > g.folder.left.entry {
			return 0, g.refuse(errEntry)
		}
	}
	return n, err
}

// refuse notes why reading ends: the parser may see what it has so far as an error of
// another kind.
func (g *guard) refuse(err error) error {
	if g.name != "" {
		err = &includeError{g.name, err}
	}
	g.folder.refused = err
	return err
}

// shorter takes the parts off the parser's message that are not the user's.
func shorter(err error, name string) error {
	var include *includeError
	if errors.As(err, &include) {
		return include
	}
	var parse *dns.ParseError
	if !errors.As(err, &parse) {
		return err
	}
	text := strings.ReplaceAll(parse.Error(), beside+"/", "")
	text = strings.TrimPrefix(text, name+": ")
	text = strings.TrimPrefix(text, filepath.Base(name)+": ")
	text = strings.TrimPrefix(text, "dns: ")
	if head, tail := 150, 90; len(text) > head+tail {
		text = text[:head] + "…" + text[len(text)-tail:]
	}
	return &parseError{text, err}
}

// parseError is a parser's error with a message of its own.
type parseError struct {
	text string
	err  error
}

func (e *parseError) Error() string { return e.text }
func (e *parseError) Unwrap() error { return e.err }
