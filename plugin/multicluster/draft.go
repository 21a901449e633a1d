package multicluster

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/clusterset-dns/zonegen/zone"
)

// draft is a new version of a zone in the making.
type draft struct {
	*loader
	segments []*segment
	fresh    []*source // those that were not known
	unread   []*segment
	next     *source // what stood behind the block that was found last
	blocks   int     // that it may still take in
	batches
}

// segment begins a segment.
func (d *draft) segment(chunk string) *segment {
	s := &segment{chunk: chunk, used: d.loads}
	d.segments = append(d.segments, s)
	return s
}

// include takes in an $INCLUDE line. A chunk that is known need not be read.
func (d *draft) include(name []byte) bool {
	if known := d.chunks[string(name)]; known != nil {
		if known.used == d.loads {
			return false // twice
		}
		known.used = d.loads
		d.segments = append(d.segments, known)
		return true
	}
	d.unread = append(d.unread, d.segment(string(name)))
	return true
}

// readChunks reads the included files that are not known.
func (d *draft) readChunks(ctx context.Context, f *folder) error {
	buf := d.content
	for _, segment := range d.unread {
		content, err := f.include(segment.chunk, buf)
		if err != nil {
			return err
		}
		if buf = content; cap(buf) <= maxWindow {
			d.content = buf
		}
		if len(content) > 0 && content[len(content)-1] != '\n' {
			return errForm
		}
		s := &scanner{buf: content, end: len(content), ended: true} // all of it is in memory
		for {
			piece, err := s.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if err := d.block(ctx, segment, piece); err != nil {
				return err
			}
		}
		if !zone.IsChunkName(segment.chunk) {
			segment.chunk = ""
		}
	}
	return nil
}

// block takes in a block of a segment.
func (d *draft) block(ctx context.Context, to *segment, text []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.trouble(); err != nil {
		return err
	}
	digest := digestOf(text)
	s := d.match(digest, to)
	if d.blocks--; d.blocks < 0 {
		return errTooLarge
	}
	if s == nil {
		s = &source{digest: digest}
		d.fresh = append(d.fresh, s)
		d.add(s, text)
	}
	s.used = d.loads
	to.sources = append(to.sources, s)
	return nil
}

// match returns a known block with this digest that is not in use. Blocks mostly
// come in the order in which they came last time.
func (d *draft) match(want digest, to *segment) *source {
	s := d.next
	if s == nil || s.digest != want {
		s = d.known[want]
	}
	if s == nil || s.used == d.loads || s.segment.used == d.loads || to.chunk == "" && s.segment.chunk != "" {
		return nil
	}
	d.next = nil
	if after := s.at + 1; after < len(s.segment.sources) {
		d.next = s.segment.sources[after]
	}
	return s
}

// mostParts is how many blocks with records of one branch a version may bring. Those of
// a service that zonegen has cut into chunks are few.
const mostParts = 1000

// crowded reports whether a branch comes in too many blocks to look through all of
// them for each query. In the general form it is in one piece.
func (d *draft) crowded() bool {
	if len(d.fresh) <= mostParts {
		return false
	}
	parts := make(map[string]int)
	for _, s := range d.fresh {
		for _, p := range s.parts {
			if parts[p.branch()]++; parts[p.branch()] > mostParts {
				return true
			}
		}
	}
	return false
}

// apex returns the records of the zone's apex.
func (d *draft) apex() (apex, error) {
	var a apex
	for _, segment := range d.segments {
		for _, s := range segment.heads {
			if s.apex.soa != nil {
				a.soa, a.changed = s.apex.soa, s.apex.changed
			}
			a.ns = append(a.ns, s.apex.ns...)
		}
	}
	if a.soa == nil {
		return a, fmt.Errorf("no SOA record of %s", d.zone)
	}
	return a, nil
}

// finish waits until all blocks are parsed.
func (d *draft) finish() error {
	if d.batch != nil {
		p := d.parser()
		d.parse(p, d.batch)
		d.parsers = append(d.parsers, p)
		if cap(d.batch.text) <= maxWindow {
			d.spare = d.batch.reset()
		}
	}
	d.wait()
	if err := d.trouble(); err != nil {
		return err
	}
	if d.crowded() {
		return errForm
	}
	var memory int64
	for _, segment := range d.segments {
		if d.chunks[segment.chunk] == segment {
			memory += segment.memory
			continue // it was finished before
		}
		for _, s := range segment.sources {
			segment.memory += s.memory
			if s.apex.soa != nil || s.apex.ns != nil {
				segment.heads = append(segment.heads, s)
			}
		}
		memory += segment.memory
	}
	if memory > d.limits.memory {
		return d.budget.spent("")
	}
	return nil
}
