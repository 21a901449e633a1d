package publish

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/clusterset-dns/zonegen/zone"
)

// read finds out what the API holds. The root is read first: who removes a chunk
// has said so in the root before, so once a write has replaced the version that
// was read here, no chunk has gone but those that it condemned.
//
// The error is ErrSuperseded if another writer has published since the last time;
// the next read takes that for granted. It is that of Confirm if this is the first.
func (c *ConfigMaps) read(ctx context.Context) error {
	first, before := c.reread.IsZero(), c.root.mark
	root, err := c.get(ctx, c.options.Name)
	if err != nil {
		return err
	}
	r := c.reading(root)
	if c.options.Shards > 0 && (len(r.includes) > 0 || r.shards > 0) {
		if err := c.readShards(ctx, r); err != nil {
			return err
		}
	} else {
		c.shards, c.chunks = nil, nil
		if r.shards > 0 {
			c.options.Logger.Warn("there are ConfigMaps with chunks, of which there may be none; remove them when no volume lists them",
				"first", shardName(c.options.Name, 0), "last", shardName(c.options.Name, r.shards-1))
		}
	}
	if first && c.options.Confirm != nil {
		if err := c.options.Confirm(ctx); err != nil {
			return err
		}
	}
	c.root, c.texts, c.chunked = r.root, r.texts, len(r.includes) > 0
	c.reread, c.known, c.unseen = c.options.Now(), true, true
	if mark := c.root.mark; !first && mark != "" && mark != before && !c.isOurs(mark) {
		return ErrSuperseded
	}
	return nil
}

// reading is what the root says.
type reading struct {
	root      object
	texts     map[string]string // by key
	includes  map[string]bool   // chunks that zones include
	condemned map[string]bool   // chunks that may go any moment
	shards    int               // how many there may be
}

func (c *ConfigMaps) reading(root *corev1.ConfigMap) *reading {
	r := &reading{texts: map[string]string{}, includes: map[string]bool{}, condemned: map[string]bool{}}
	if root == nil {
		return r
	}
	r.root = objectOf(root, isZoneKey)
	for key, text := range root.Data {
		if !isZoneKey(key) {
			continue
		}
		r.texts[key] = text
		for line := range strings.Lines(text) {
			if name, ok := strings.CutPrefix(line, "$INCLUDE "); ok {
				r.includes[strings.TrimSuffix(name, "\n")] = true
			}
		}
	}
	for name := range strings.FieldsSeq(root.Annotations[condemnedAnnotation]) {
		r.condemned[name] = true
	}
	if n, err := strconv.ParseUint(root.Annotations[shardsAnnotation], 10, 10); err == nil {
		r.shards = int(n)
	}
	return r
}

func isZoneKey(key string) bool { return strings.HasPrefix(key, zonePrefix) }

// readShards finds out what the shards hold.
func (c *ConfigMaps) readShards(ctx context.Context, r *reading) error {
	shards, chunks := map[int]*object{}, map[string]*shardChunk{}
	now := c.options.Now()
	for number := range max(c.options.Shards, r.shards) {
		cm, err := c.get(ctx, shardName(c.options.Name, number))
		if err != nil {
			return err
		}
		if cm == nil {
			continue
		}
		if number >= c.options.Shards {
			c.options.Logger.Warn("there are more ConfigMaps with chunks than may be; remove this one when no volume lists it", "name", cm.Name)
			continue
		}
		o := objectOf(cm, zone.IsChunkName)
		shards[number] = &o
		for name, text := range cm.Data {
			if !zone.IsChunkName(name) || chunks[name] != nil && !chunks[name].damaged() {
				continue
			}
			s := &shardChunk{shard: number, size: len(name) + len(text), condemned: r.condemned[name]}
			if nameOfChunk(text) == name {
				s.text = text
			}
			was := c.chunks[name]
			if was != nil && was.chunk != nil && !s.damaged() {
				s.text, s.chunk = "", was.chunk // one copy is enough
			}
			if !r.includes[name] {
				s.spare = now
				if was != nil && !was.spare.IsZero() {
					s.spare = was.spare
				}
			}
			chunks[name] = s
		}
	}
	c.shards, c.chunks = shards, chunks
	return nil
}

// nameOfChunk returns the name that a chunk of this content has.
func nameOfChunk(text string) string {
	return zone.ChunkName(sha256.Sum256([]byte(text)))
}
