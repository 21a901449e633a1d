package multicluster

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// batches are new blocks on their way to the parsers, which work beside the
// reading where there is much.
type batches struct {
	batch   *batch
	running sync.WaitGroup
	slots   chan *parser
	failed  atomic.Bool // a block is not in zonegen's form
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
		if d.batch = d.spare; d.batch == nil {
			d.batch = new(batch)
		}
		d.spare = nil
	}
	start := len(d.batch.text)
	d.batch.text = append(d.batch.text, text...)
	d.batch.blocks = append(d.batch.blocks, block{s, start, len(d.batch.text)})
	if len(d.batch.text) < batchSize {
		return
	}
	if d.slots == nil {
		d.slots = make(chan *parser, runtime.GOMAXPROCS(0))
		for range cap(d.slots) {
			d.slots <- d.parser()
		}
	}
	full, p := d.batch, <-d.slots
	d.batch = nil
	d.running.Go(func() {
		d.parse(p, full)
		d.slots <- p
	})
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
	for len(d.slots) > 0 {
		d.parsers = append(d.parsers, <-d.slots)
	}
}

// parser returns an idle parser.
func (l *loader) parser() *parser {
	if n := len(l.parsers); n > 0 {
		p := l.parsers[n-1]
		l.parsers = l.parsers[:n-1]
		return p
	}
	return &parser{packer: newPacker(l.options)}
}
