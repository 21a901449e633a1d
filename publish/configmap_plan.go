package publish

import (
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/clusterset-dns/zonegen/zone"
)

// maxConfigMap is the most that we put into a ConfigMap, in bytes of keys and
// values. The API takes 1 MiB of values.
const maxConfigMap = 900 << 10

// returnToSingle is the size of all zones at which they are put back into one
// ConfigMap; less than the limit, so that a size near it does not go to and fro.
const returnToSingle = maxConfigMap / 4 * 3

// zonePlan is one zone of a plan.
type zonePlan struct {
	whole, root *zone.Snapshot // in the single and in the chunked layout
	next        *zone.Snapshot // the one of them that is published
	chunks      []*zone.Chunk
	key         string
	entry       *zoneKey
	serial      uint32 // to publish it with
	size        int64  // with its chunks
	changed     bool
	result      *Result
}

// plan is what one Publish is to do.
type plan struct {
	results []Result
	zones   []*zonePlan // those that can be published
	size    int         // of all zones in one ConfigMap
	chunked bool
	chunks  map[string]*zone.Chunk // that the zones include, by name
	changed bool                   // some zone
	// position is that of the snapshots.
	position string
}

// plan begins a plan with the zones that can have a key.
func (c *ConfigMaps) plan(snapshots []*zone.Snapshot) *plan {
	p := &plan{results: make([]Result, len(snapshots))}
	for i, snapshot := range snapshots {
		r := &p.results[i]
		r.Zone = snapshot.Origin()
		key, err := configMapKey(snapshot.Origin())
		if err != nil {
			r.Err = err
			continue
		}
		r.Path = c.options.Namespace + "/" + c.options.Name + "/" + key
		z := &zonePlan{whole: snapshot, key: key, entry: c.zones[r.Zone], result: r}
		if z.entry == nil {
			z.entry = new(zoneKey)
			c.zones[r.Zone] = z.entry
		}
		z.root, z.chunks = snapshot.Chunked()
		p.zones = append(p.zones, z)
		p.size += len(key) + int(size(z.root.Buffers(1)))
		for _, chunk := range z.chunks {
			p.size += chunk.Size
		}
	}
	return p
}

// configMapKey returns the key of a zone, which is the name of its file too.
func configMapKey(origin string) (string, error) {
	key, err := FileName(origin)
	if err != nil {
		return "", err
	}
	if problems := validation.IsConfigMapKey(key); len(problems) > 0 {
		return "", fmt.Errorf("zone %q: no key of a ConfigMap can be %q: %s; choose another zone name or publish it with --zone-dir",
			origin, key, strings.Join(problems, ", "))
	}
	return key, nil
}

// chooseLayout decides on the layout of all zones. Shards is how many there may be,
// other the size of keys that are not ours.
func (p *plan) chooseLayout(was bool, shards, other int) error {
	if shards == 0 && p.size+other > maxConfigMap {
		return fmt.Errorf("%w: they take %d bytes, a ConfigMap holds %d, and there may be one only; "+
			"list more in the volume of the name servers and allow them with --configmap-shards, or publish with --zone-dir, or fewer services",
			errTooLarge, p.size+other, maxConfigMap)
	}
	p.chunked = shards > 0 && (p.size+other > maxConfigMap || was && p.size+other > returnToSingle)
	p.chunks = make(map[string]*zone.Chunk)
	for _, z := range p.zones {
		z.next = z.whole
		if p.chunked {
			z.next = z.root
			for _, chunk := range z.chunks {
				p.chunks[chunk.Name] = chunk
			}
		}
	}
	return nil
}

// compare finds the zones that differ from what is published, and gives them new
// serials.
func (c *ConfigMaps) compare(p *plan) {
	for _, z := range p.zones {
		if c.unseen {
			c.adopt(z)
		}
		if held := z.entry.held; held != nil && held.Equal(z.next) {
			if !held.Changed().Equal(z.next.Changed()) {
				// Neither the time of change nor anything else makes it another version.
				z.next, _ = z.next.Resume(held.Buffers(z.entry.serial)[0])
			}
			z.entry.held = z.next // lets go of the older one
			z.serial = z.entry.serial
		} else {
			z.serial, z.changed, p.changed = zone.NextSerial(z.entry.serial, c.options.Now()), true, true
		}
		z.size = size(z.next.Buffers(z.serial))
		if p.chunked {
			for _, chunk := range z.chunks {
				z.size += int64(chunk.Size)
			}
		}
	}
	c.unseen = false
}

// adopt compares a zone with the text that was just read.
func (c *ConfigMaps) adopt(z *zonePlan) {
	log, e := c.options.Logger.With("zone", z.whole.Origin()), z.entry
	was := e.held
	want := was
	if want == nil {
		want = z.next
	}
	e.held = nil
	text, ok := c.texts[z.key]
	want, serial := want.Resume([]byte(text))
	if serial == 0 && e.serial == 0 {
		e.serial = c.options.LastSerial
	}
	if !ok {
		if was != nil {
			log.Warn("the zone is gone from the ConfigMap; writing it again")
		}
		return
	}
	// A serial that is older than one of ours: that write may still be on its way.
	if serial != 0 && (e.serial == 0 || serial == e.serial || zone.SerialLess(e.serial, serial)) && string(want.Append(nil, serial)) == text {
		e.held, e.serial = want, serial
		return
	}
	if was != nil {
		log.Warn("the zone was changed by somebody else; writing it again")
	}
	// RFC 1982, section 3.2.
	if serial != 0 && (e.serial == 0 || zone.SerialLess(e.serial, serial)) {
		e.serial = serial
	}
}

// errTooLarge says that zones do not fit into ConfigMaps.
var errTooLarge = errors.New("the zones are too large for their ConfigMaps")

// render makes the texts of all zones.
func (p *plan) render(other int) (map[string]string, error) {
	data, total := make(map[string]string, len(p.zones)), other
	for _, z := range p.zones {
		data[z.key] = string(z.next.Append(nil, z.serial))
		total += len(z.key) + len(data[z.key])
	}
	if total > maxConfigMap {
		return nil, fmt.Errorf("%w: the roots take %d bytes, and a ConfigMap holds %d; publish with --zone-dir, or fewer services", errTooLarge, total, maxConfigMap)
	}
	return data, nil
}

// report fills in the results of what is published now.
func (p *plan) report() {
	for _, z := range p.zones {
		z.result.Serial, z.result.Bytes, z.result.Written = z.serial, z.size, z.changed
	}
}
