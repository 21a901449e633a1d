package multicluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// options are what the loader of a zone must know.
type options struct {
	zone        string   // its apex, absolute and in lower case
	dir         string   // where its file is
	forward     []string // all zones that are no reverse zones, longest first
	noEndpoints bool
	limits      limits
	journal     journalLimits
}

// loader reads the file of a zone, again and again. It remembers which records
// came from which block of text, and parses what it has not seen only. It is not
// safe for concurrent use; what it returns is.
type loader struct {
	options
	loads    uint64 // how many there were
	segments []*segment
	chunks   map[string]*segment
	known    map[digest]*source
	split    map[string]bool // branches that are in more than one block
	index    *index
	records  int
	current  *snapshot
	serials  serials
	// whole is the digest of all text if the file is not in zonegen's form.
	whole digest
	// marked says that the blocks come from a file of zonegen's, which marks those of
	// headless services.
	marked bool

	// Memory for the next load.
	parsers []*parser
	buf     []byte
	content []byte
	spare   *batch
}

// source is one block of text, and what was made of it.
type source struct {
	digest  digest
	segment *segment
	at      int // its place in the segment
	parts   []*part
	apex    apex
	memory  int64  // that it takes, in octets, about
	used    uint64 // the load that found it last
}

// segment is the blocks of one file, or of the zone's own file up to the next
// $INCLUDE.
type segment struct {
	chunk   string // its name, if it is a chunk
	at      int    // its place in the zone
	sources []*source
	heads   []*source // those with records of the apex
	memory  int64     // that they take
	used    uint64
}

func newLoader(o options) *loader {
	l := &loader{options: o}
	l.forget()
	return l
}

// forget drops all blocks, and what the journal needs to go on.
func (l *loader) forget() {
	l.segments, l.records, l.current = nil, 0, nil
	l.chunks, l.known, l.split = make(map[string]*segment), make(map[digest]*source), make(map[string]bool)
	l.index = newIndex(l.zone)
}

// load returns the zone in a file, nil if it is the one that was loaded last. If
// there is an error, the loader is as before.
func (l *loader) load(ctx context.Context, f *folder) (*snapshot, error) {
	if f.ours && f.end == nil {
		return nil, errTorn
	}
	l.loads++
	if f.ours != l.marked && l.noEndpoints {
		l.forget() // the same text says something else
	}
	l.marked = f.ours
	d, err := l.read(ctx, f)
	if errors.Is(err, errForm) {
		f.left, f.plain = l.limits, nil
		if _, err := f.file.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return l.general(ctx, f)
	}
	if err != nil {
		return nil, err
	}
	a, err := d.apex()
	if err != nil {
		return nil, err
	}
	if err := f.steady(a.soa.Serial); err != nil {
		return nil, err
	}
	l.whole = 0
	return l.commit(d, a), nil
}

// read reads a zone in the form that zonegen writes.
func (l *loader) read(ctx context.Context, f *folder) (*draft, error) {
	d := &draft{loader: l, blocks: l.limits.records}
	d.budget = newBudget(l.limits.memory)
	defer d.wait()
	if size := min(window, f.info.Size()+1); int64(len(l.buf)) < size {
		l.buf = make([]byte, size)
	}
	s := newScanner(f.limit(f.file), l.buf, l.limits.block)
	defer func() {
		if len(s.buf) <= maxWindow {
			l.buf = s.buf
		}
	}()
	segment := d.segment("")
	complete := true
	for n := 0; ; n++ {
		piece, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading: %w", err)
		}
		complete = piece[len(piece)-1] == '\n'
		piece = bytes.TrimSuffix(piece, f.end) // it would make another block of the last one
		if n == 0 && piece[0] != '$' {
			if !isBlank(piece) {
				return nil, errForm
			}
			continue
		}
		if name, ok := include(piece); ok {
			if f.any = true; !d.include(name) {
				return nil, errForm
			}
			segment = nil
			continue
		}
		if segment == nil {
			segment = d.segment("")
		}
		if err := d.block(ctx, segment, piece); err != nil {
			return nil, err
		}
	}
	if !complete {
		return nil, errForm
	}
	if err := d.readChunks(ctx, f); err != nil {
		return nil, err
	}
	return d, d.finish()
}
