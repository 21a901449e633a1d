package publish

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/clusterset-dns/zonegen/zone"
)

// shardChunk is a chunk in a shard.
//
// A chunk that no zone includes any more is spare. After the grace time, a
// version of the root condemns it: from then on it may be removed, by the writer
// of that version or, if that one was stopped in the middle, whenever it goes on.
// So a condemned chunk counts as gone for everyone, and to use it again its shard
// is written again: that makes a removal fail which is still on its way.
type shardChunk struct {
	shard int
	size  int // in bytes, with its key
	// The content; both are empty if that is not what the name says.
	chunk *zone.Chunk
	text  string
	// spare is since when no zone includes it; zero while one does.
	spare     time.Time
	condemned bool
}

func (s *shardChunk) damaged() bool { return s.chunk == nil && s.text == "" }

func (s *shardChunk) content() string {
	if s.chunk == nil {
		return s.text
	}
	return textOf(s.chunk)
}

func textOf(chunk *zone.Chunk) string {
	var b strings.Builder
	b.Grow(chunk.Size)
	for _, part := range chunk.Buffers() {
		b.Write(part)
	}
	return b.String()
}

// putChunks makes sure that the wanted chunks are in the shards, and stay there
// once a new version of the root includes them. Fenced reports that one of them is
// condemned by the present version.
func (c *ConfigMaps) putChunks(ctx context.Context, wanted map[string]*zone.Chunk) (fenced bool, err error) {
	if len(wanted) == 0 {
		return false, nil
	}
	sizes, written, fresh := make([]int, c.options.Shards), map[int]bool{}, map[string]int{}
	for number, o := range c.shards {
		sizes[number] = o.other
	}
	for name, s := range c.chunks {
		w := wanted[name]
		switch {
		case w == nil && (s.condemned || s.damaged()):
			continue // goes when its shard is written
		case w != nil && (s.condemned || s.damaged()):
			written[s.shard] = true
			fenced = fenced || s.condemned
			s.size = len(name) + w.Size
		}
		sizes[s.shard] += s.size
	}
	for name, w := range wanted {
		if s := c.chunks[name]; s != nil {
			s.chunk, s.text = w, "" // one copy is enough
		} else {
			fresh[name] = len(name) + w.Size
		}
	}
	homes, err := place(fresh, sizes, written)
	if err != nil {
		return false, c.noRoom(err, wanted)
	}
	for _, number := range slices.Sorted(maps.Keys(written)) {
		for name, home := range homes {
			if home == number {
				c.chunks[name] = &shardChunk{shard: home, size: fresh[name], chunk: wanted[name]}
			}
		}
		if err := c.putShard(ctx, number, wanted); err != nil {
			return false, err
		}
	}
	return fenced, nil
}

// putShard writes one shard: all of its chunks but those condemned that are not
// wanted. A shard without any is deleted. After an error, what is known must be
// read again.
func (c *ConfigMaps) putShard(ctx context.Context, number int, wanted map[string]*zone.Chunk) error {
	data, gone := map[string]string{}, []string(nil)
	for name, s := range c.chunks {
		switch {
		case s.shard != number:
		case wanted[name] == nil && (s.condemned || s.damaged()):
			gone = append(gone, name)
		default:
			data[name] = s.content()
		}
	}
	name, was := shardName(c.options.Name, number), object{}
	if o := c.shards[number]; o != nil {
		was = *o
	}
	if len(data) == 0 && was.other == 0 {
		if err := c.remove(ctx, name, was); err != nil {
			return err
		}
		delete(c.shards, number)
	} else {
		is, err := c.apply(ctx, name, was, data, nil)
		if err != nil {
			return err
		}
		c.shards[number] = &is
	}
	for _, name := range gone {
		delete(c.chunks, name)
	}
	return nil
}

// spareFor is for how long a chunk has been spare.
func (c *ConfigMaps) spareFor(s *shardChunk, now time.Time) time.Duration {
	if s.spare.IsZero() {
		return 0
	}
	return now.Sub(s.spare)
}

// chunksDue reports whether chunks have been spare for so long that they are
// removed though nothing else is to be written.
func (c *ConfigMaps) chunksDue(wanted map[string]*zone.Chunk, now time.Time) bool {
	for name, s := range c.chunks {
		if wanted[name] == nil && !s.condemned && c.spareFor(s, now) >= 2*c.options.ChunkGrace {
			return true
		}
	}
	return false
}

// age notes which chunks are spare, once the root is what was planned.
func (c *ConfigMaps) age(wanted map[string]*zone.Chunk, now time.Time) {
	for name, s := range c.chunks {
		switch {
		case wanted[name] != nil:
			s.spare = time.Time{}
		case s.spare.IsZero():
			s.spare = now
		}
	}
}

// sweep removes the condemned chunks of shards that have one which has been spare
// for that long. They do no harm but for the room they take, so an error is only
// logged.
func (c *ConfigMaps) sweep(ctx context.Context, now time.Time, after time.Duration) {
	due := map[int]bool{}
	for _, s := range c.chunks {
		if s.condemned && c.spareFor(s, now) >= after {
			due[s.shard] = true
		}
	}
	for _, number := range slices.Sorted(maps.Keys(due)) {
		err := c.putShard(ctx, number, nil)
		if err == nil {
			continue
		}
		c.known = false
		if !errors.Is(err, errMoved) {
			c.options.Logger.Warn("cannot remove old chunks", "error", err)
		}
		return
	}
}

// makeRoom removes what may go when there is no room for new chunks, whose failure
// would keep everything else from being removed. The zones stay as they are.
func (c *ConfigMaps) makeRoom(ctx context.Context, now time.Time) error {
	included := map[string]bool{}
	due := false
	for name, s := range c.chunks {
		if s.spare.IsZero() {
			included[name] = true
		}
		due = due || !s.condemned && c.spareFor(s, now) >= c.options.ChunkGrace
	}
	if due && c.root.version != "" {
		if err := c.writeRoot(ctx, c.texts, c.root.position, included, now); err != nil {
			return err
		}
	}
	c.sweep(ctx, now, c.options.ChunkGrace)
	return nil
}
