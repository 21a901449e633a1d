package publish

import (
	"fmt"

	"github.com/clusterset-dns/zonegen/zone"
)

// Zones may fill the shards. But the chunks of a new version are written before the
// root that includes them, beside those that the published root includes, which must
// stay until then. So what can always be replaced by something of its size fills half
// of the shards at most; of larger zones, only a part may change at a time. Who runs
// it is warned before that.

// ShardBytes is how much one shard holds of the zones in bytes, names of chunks
// included.
const ShardBytes = maxConfigMap

// How many tenths of the shards zones fill when the first warning comes, and of the
// root if there may be no shards. That one is replaced as a whole.
const (
	crowded     = 4
	crowdedRoot = 8
)

// warnCrowded warns of zones that fill much of the shards: once for each tenth, so
// that slow growth is not forgotten, and a size near one does not fill the log.
func (c *ConfigMaps) warnCrowded(p *plan) {
	used, room, first := p.size+c.root.other, maxConfigMap, crowdedRoot
	message := "the zones fill much of the one ConfigMap that they may take, and larger ones are not published: raise --configmap-shards, after the volume and the Role list as many, or publish with --zone-dir"
	if c.options.Shards > 0 {
		used, room, first = 0, c.options.Shards*maxConfigMap, crowded
		for name, chunk := range p.chunks {
			used += len(name) + chunk.Size
		}
		for _, o := range c.shards {
			used += o.other
		}
		message = "the zones fill much of the ConfigMaps for chunks, and above half a change of all services cannot be published: raise --configmap-shards, after the volume and the Role list as many"
	}
	tenths := 10 * used / room
	if tenths < first || tenths <= c.warned {
		return
	}
	c.warned = tenths
	c.options.Logger.Warn(message, "bytes", used, "room", room, "shards", c.options.Shards)
}

// noRoom says what to do about chunks that find no room for the error of [place]:
// wait if there is room once the old ones have gone, or let zonegen have more
// shards.
func (c *ConfigMaps) noRoom(err error, wanted map[string]*zone.Chunk) error {
	sizes, fresh, total, largest := make([]int, c.options.Shards), map[string]int{}, 0, 0
	add := func(shard, size int) {
		sizes[shard] += size
		total += size
	}
	for number, o := range c.shards {
		add(number, o.other)
	}
	for name, s := range c.chunks {
		if wanted[name] != nil || s.spare.IsZero() && !s.damaged() {
			add(s.shard, s.size)
		}
	}
	for name, w := range wanted {
		size := len(name) + w.Size
		largest = max(largest, size)
		if c.chunks[name] == nil {
			fresh[name] = size
			total += size
		}
	}
	if _, never := place(fresh, sizes, map[int]bool{}); never == nil {
		return fmt.Errorf("%w; wait until old chunks among them go, which is within %s of their last use, or raise --configmap-shards above %d, "+
			"after the volume and the Role list as many", err, 2*c.options.ChunkGrace, c.options.Shards)
	}
	// A chunk finds room in each shard that has no more than this.
	full := maxConfigMap - largest
	return fmt.Errorf("%w; the new zones do not fit beside the published ones, which stay, and waiting does not help: "+
		"raise --configmap-shards from %d to %d, after the volume and the Role list %s-0 to %[4]s-%d", err, c.options.Shards, total/full+1, c.options.Name, total/full)
}
