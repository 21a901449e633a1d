package multicluster

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
)

// digest tells texts apart: a hash with a secret seed. A new block is taken for one
// of 20,000 that are known once in 10^15 times.
type digest uint64

func digestOf(text []byte) digest { return digest(maphash.Bytes(seed, text)) }

// errForm says that a file is not in the form that zonegen writes. It can be a
// good zone file all the same.
var errForm = errors.New("not in the form that zonegen writes")

// scanner splits a zone file at the lines that begin with a dollar sign, without
// parsing it and without holding more of it than one piece.
type scanner struct {
	in         io.Reader
	buf        []byte
	start, end int // what is in buf and not yet given out
	ended      bool
	longest    int // piece, in octets
}

// window is how much of a file is read at once, if no piece is larger. Memory of
// up to maxWindow is kept for the next time.
const (
	window    = 256 << 10
	maxWindow = 4 * window
)

func newScanner(in io.Reader, buf []byte, longest int) *scanner {
	return &scanner{in: in, buf: buf, longest: longest}
}

// next returns the next piece: a line that begins with a dollar sign and all
// lines up to the next such line. The first piece can be without the former. It
// is good until the next call. The error at the end is [io.EOF]; that of a piece that
// is too long is errForm.
func (s *scanner) next() ([]byte, error) {
	for searched := s.start; ; {
		if border := s.border(searched); border > 0 {
			piece := s.buf[s.start:border]
			s.start = border
			return piece, nil
		}
		if s.ended {
			piece := s.buf[s.start:s.end]
			s.start = s.end
			if len(piece) == 0 {
				return nil, io.EOF
			}
			return piece, nil
		}
		searched = s.end
		if s.start > 0 {
			copy(s.buf, s.buf[s.start:s.end])
			searched, s.end, s.start = searched-s.start, s.end-s.start, 0
		}
		if s.end >= s.longest {
			return nil, errForm
		}
		if s.end == len(s.buf) {
			s.buf = append(s.buf, make([]byte, len(s.buf))...)
		}
		n, err := s.in.Read(s.buf[s.end:])
		s.end += n
		if errors.Is(err, io.EOF) {
			s.ended = true
		} else if err != nil {
			return nil, err
		}
	}
}

// border returns where the next line begins with a dollar sign at from or behind,
// 0 if none does. Such signs are rare, so they are looked for rather than lines.
func (s *scanner) border(from int) int {
	for {
		i := bytes.IndexByte(s.buf[from:s.end], '$')
		if i < 0 {
			return 0
		}
		if at := from + i; at > s.start && s.buf[at-1] == '\n' {
			return at
		}
		from += i + 1
	}
}

// isBlank reports whether lines hold nothing but comments.
func isBlank(lines []byte) bool {
	for line := range bytes.Lines(lines) {
		if line[0] != ';' && line[0] != '\n' {
			return false
		}
	}
	return true
}

// include returns the name in an $INCLUDE line. Ok is false if it is another
// line, if anything but comments follows, or if the name is not plain.
func include(piece []byte) (name []byte, ok bool) {
	line, rest, complete := bytes.Cut(piece, []byte("\n"))
	word, ok := bytes.CutPrefix(line, []byte(includeDirective))
	if !ok || !complete || !isBlank(rest) || len(word) == 0 {
		return nil, false
	}
	for _, c := range word {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '.' {
			return nil, false
		}
	}
	return word, true
}
