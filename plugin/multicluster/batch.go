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
	budget  *budget
	broke   atomic.Pointer[string] // where the budget was spent
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
		taken := p.taken
		parts, ok := p.block(text[block.start:block.end])
		if !p.settle() {
			at := p.origin
			d.broke.CompareAndSwap(nil, &at)
			return
		}
		if !ok {
			d.failed.Store(true)
			return
		}
		block.parts, block.apex, block.memory = parts, p.packer.apex, p.taken-taken
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
func (d *draft) parser() *parser {
	var p *parser
	if n := len(d.parsers); n > 0 {
		p = d.parsers[n-1]
		d.parsers = d.parsers[:n-1]
	} else {
		p = &parser{packer: newPacker(d.options)}
	}
	p.marked, p.purse = d.marked, purse{budget: d.budget}
	return p
}

// trouble is what the parsers met so far.
func (d *draft) trouble() error {
	if at := d.broke.Load(); at != nil {
		return d.budget.spent(*at)
	}
	if d.failed.Load() {
		return errForm
	}
	return nil
}
