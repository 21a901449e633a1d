package check

import (
	"io"
	"io/fs"

	"github.com/clusterset-dns/zonegen/internal/zonetext"
)

// maxText is the most that is read for one zone, included files and all, in
// bytes. An included file counts as blockSize more than it has, so that there
// cannot be any number of empty ones.
const (
	maxText   = 1 << 30
	blockSize = 4096
)

// source is one open file that gives its bytes to the parser one by one, and
// knows where the entry began that they belong to.
//
// The parser's lexer uses an io.ByteReader as it is and reads no byte past the
// end of the entry whose record it returns.
type source struct {
	name string
	in   io.ReadCloser
	t    *tracker

	buf     []byte
	at, end int
	err     error // of in, after what is in buf

	line    int  // of the last byte that was given
	began   int  // where the entry at hand begins, or the line that holds none
	newline bool // the last byte ended its line

	entries zonetext.Follower
}

// tracker knows where the parser is.
type tracker struct {
	at   *source   // that holds the last entry
	line int       // where that entry begins
	open []*source // the zone file and the chain of files included now
	left int64     // bytes that may still be read
	free [][]byte  // buffers of files that are closed
	err  error     // why reading ended, unless the parser knows better
}

const bufferSize = 64 << 10

func (t *tracker) newSource(name string, in io.ReadCloser) *source {
	s := &source{name: name, in: in, t: t, line: 1, began: 1}
	if n := len(t.free); n > 0 {
		s.buf, t.free = t.free[n-1], t.free[:n-1]
	} else {
		s.buf = make([]byte, bufferSize)
	}
	t.open = append(t.open, s)
	if t.at == nil {
		t.at, t.line = s, 1
	}
	return s
}

// ReadByte implements [io.ByteReader].
func (s *source) ReadByte() (byte, error) {
	if s.at == s.end {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	c := s.buf[s.at]
	s.at++
	if s.newline {
		s.line++
	}
	s.newline = c == '\n'
	switch s.entries.Next(c) {
	case zonetext.Begin:
		s.t.at, s.t.line = s, s.line
	case zonetext.End:
		s.began = s.line + 1
	case zonetext.Generate:
		return 0, s.t.fail(&refusal{RuleGenerate, "$GENERATE is no part of the record contract: write the records one by one"})
	}
	if s.entries.Length() > zonetext.MaxEntry {
		s.t.at, s.t.line = s, s.began
		return 0, s.t.fail(endless)
	}
	return c, nil
}

// fill reads the next part of the file.
func (s *source) fill() error {
	for s.at == s.end {
		if s.err == io.EOF {
			return io.EOF
		}
		if s.err != nil {
			return s.t.fail(s.err)
		}
		var n int
		n, s.err = s.in.Read(s.buf)
		s.at, s.end = 0, n
		if s.t.left -= int64(n); s.t.left < 0 {
			s.end = 0
			return s.t.fail(tooLarge)
		}
	}
	return nil
}

var tooLarge = &refusal{RuleSize, "the zone has more than 1 GiB of text, counting 4 KiB more for each included file: split the zone"}

var endless = &refusal{RuleSize, "what begins here is longer than any record can be, 1 MiB: a quote or a parenthesis may be open; close it, or split the line"}

// Read implements [io.Reader]. The parser takes single bytes only.
func (s *source) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := s.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// Stat is part of [fs.File]. The parser does not ask.
func (s *source) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

// Close ends the file, which is the last of the chain.
func (s *source) Close() error {
	s.t.open = s.t.open[:len(s.t.open)-1]
	s.t.free = append(s.t.free, s.buf)
	s.buf, s.at, s.end, s.err = nil, 0, 0, io.EOF
	return s.in.Close()
}

// fail notes why reading ends.
func (t *tracker) fail(err error) error {
	if t.err == nil {
		t.err = err
	}
	return err
}

// refusal is text that is not read any further, with the rule that says so.
type refusal struct {
	rule    Rule
	message string
}

func (r *refusal) Error() string { return r.message }
