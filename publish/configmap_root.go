package publish

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// putRoot writes the root as planned, which makes all of it visible at once.
func (c *ConfigMaps) putRoot(ctx context.Context, p *plan, now time.Time) error {
	data, err := p.render(c.root.other)
	if err != nil {
		return err
	}
	for _, z := range p.zones {
		// Whether the API takes it or not, somebody may see this serial.
		z.entry.serial = z.serial
		if z.changed {
			z.entry.held = nil
		}
	}
	included := make(map[string]bool, len(p.chunks))
	for name := range p.chunks {
		included[name] = true
	}
	position := c.root.position
	if p.changed {
		position = p.position
		c.position = position // whether the API takes it or not
	}
	if err := c.writeRoot(ctx, data, position, included, now); err != nil {
		return err
	}
	for _, z := range p.zones {
		z.entry.held = z.next
	}
	c.chunked = p.chunked
	return nil
}

// maxCondemned is how many chunks are condemned at once: annotations may have
// 256 KiB together.
const maxCondemned = 4000

// writeRoot writes the root, and condemns the chunks that have been spare for the
// grace time and are not included by the zones in it. What is condemned already
// stays so until it is gone or its shard was written.
func (c *ConfigMaps) writeRoot(ctx context.Context, data map[string]string, position string, included map[string]bool, now time.Time) error {
	var condemned, due []string
	for name, s := range c.chunks {
		switch {
		case included[name]:
		case s.condemned:
			condemned = append(condemned, name)
		case c.spareFor(s, now) >= c.options.ChunkGrace:
			due = append(due, name)
		}
	}
	condemned = append(condemned, due[:min(len(due), max(0, maxCondemned-len(condemned)))]...)
	slices.Sort(condemned)
	annotations := map[string]string{}
	if len(condemned) > 0 {
		annotations[condemnedAnnotation] = strings.Join(condemned, " ")
	}
	if position != "" {
		annotations[positionAnnotation] = position
	}
	if len(c.shards) > 0 {
		annotations[shardsAnnotation] = strconv.Itoa(1 + slices.Max(slices.Collect(maps.Keys(c.shards))))
	}
	root, err := c.apply(ctx, c.options.Name, c.root, data, annotations)
	if err != nil {
		return err
	}
	root.position = position
	c.root, c.texts = root, data
	for name, s := range c.chunks {
		_, s.condemned = slices.BinarySearch(condemned, name)
	}
	return nil
}
