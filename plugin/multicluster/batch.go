package multicluster

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// batches are new blocks on their way to the parsers, which work beside the
// reading where there is much.
type batches struct {
	batch   *batch
	running sync.WaitGroup
	idle    chan worker
	failed  atomic.Bool // a block is not in zonegen's form
}

// worker parses one batch at a time. It keeps the memory of the one before.
type worker struct {
	*parser
	batch *batch
}

// batch is some new blocks and their text.
type batch struct {
	text   []byte
	blocks []block
}

type block struct {
	*source
	start, end int // in the batch's text
}

// batchSize is how much text is worth a goroutine.
const batchSize = 128 << 10

// add hands a block to the parsers.
func (d *draft) add(s *source, text []byte) {
	if d.batch == nil {
		d.batch, d.spare = d.spare, nil
	}
	if d.batch == nil {
		d.batch = new(batch)
	}
	b := d.batch
	start := len(b.text)
	if start > 0 {
		b.text = slices.Grow(b.text, max(len(text), batchSize-start))
	}
	b.text = append(b.text, text...)
	b.blocks = append(b.blocks, block{s, start, len(b.text)})
	if len(b.text) < batchSize {
		return
	}
	if d.idle == nil {
		d.idle = make(chan worker, runtime.GOMAXPROCS(0))
		for range cap(d.idle) {
			d.idle <- worker{parser: d.parser()}
		}
	}
	w := <-d.idle
	d.batch = w.batch
	d.running.Go(func() {
		d.parse(w.parser, b)
		w.batch = b.reset()
		d.idle <- w
	})
}

// reset empties a batch, to use its memory again.
func (b *batch) reset() *batch {
	clear(b.blocks)
	b.text, b.blocks = b.text[:0], b.blocks[:0]
	return b
}

// parse packs the blocks of a batch.
func (d *draft) parse(p *parser, b *batch) {
	text := string(b.text)
	for _, block := range b.blocks {
		parts, ok := p.block(text[block.start:block.end])
		if !ok {
			d.failed.Store(true)
			return
		}
		block.parts, block.apex = parts, p.packer.apex
		for _, part := range parts {
			part.from = block.source
		}
	}
}

// wait waits for the parsers.
func (d *draft) wait() {
	d.running.Wait()
	for len(d.idle) > 0 {
		d.parsers = append(d.parsers, (<-d.idle).parser)
	}
}

// parser returns an idle parser.
func (l *loader) parser() *parser {
	if n := len(l.parsers); n > 0 {
		p := l.parsers[n-1]
		l.parsers = l.parsers[:n-1]
		p.marked = l.marked
		return p
	}
	p := &parser{packer: newPacker(l.options)}
	p.marked = l.marked
	return p
}
