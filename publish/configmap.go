package publish

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/clusterset-dns/zonegen/zone"
)

// NoShards is no shards at all: zones stay in one ConfigMap.
const NoShards = -1

// Defaults of [ConfigMapOptions].
const (
	DefaultShards          = 16
	DefaultConfigMapGrace  = 4 * time.Minute // the kubelet takes one to two
	DefaultConfigMapReread = time.Minute
)

// ConfigMapOptions says which ConfigMaps zones go to.
type ConfigMapOptions struct {
	// Client talks to the API; a kubernetes.Interface's CoreV1() is one. It needs
	// the verbs get, create, patch and delete for ConfigMaps in the namespace.
	Client corev1client.ConfigMapsGetter
	// Namespace must exist.
	Namespace string
	// Name is the ConfigMap with the keys db.<zone>. Those with chunks, shards,
	// are NAME-0, NAME-1, …
	Name string
	// Shards is how many shards there may be: as many as the volume of the name
	// servers lists, each as optional. 0 means [DefaultShards]. Zones that fill more
	// than half of them can change in parts only: the new chunks are written beside
	// the old ones. From 40 % on, the log warns.
	// With [NoShards], zones that do not fit into the root are an error, and none
	// ever depends on a second ConfigMap.
	Shards int
	// ChunkGrace is how long a chunk stays at least that no zone includes any
	// more; 0 means [DefaultConfigMapGrace]. It must be longer than the kubelets
	// take from a change of a ConfigMap to that of the volume.
	ChunkGrace time.Duration
	// Confirm is called by the first Publish after it has read what there is, and
	// before it writes: its error ends that Publish, and the next one is the first
	// again. A leader asks the API here whether it still is; then whoever leads
	// later has not read yet, and finds out about each write of this one. Nil means
	// that nobody is asked.
	Confirm func(ctx context.Context) error
	// Guard is asked about the zones from before; nil means that nobody is.
	Guard Guard
	// LastSerial is a serial that zones go on from of which the ConfigMap tells none
	// although there may have been one; 0 if there was none.
	LastSerial uint32
	// Reread is after how long a Publish looks whether the ConfigMaps are still
	// as they were left; 0 means [DefaultConfigMapReread].
	Reread time.Duration
	// Logger takes what is no error of this call; nil means nowhere.
	Logger *slog.Logger
	// Now is the clock for serials and for the age of chunks; nil means [time.Now].
	Now func() time.Time
}

func (o ConfigMapOptions) withDefaults() (ConfigMapOptions, error) {
	if o.Client == nil {
		return o, errors.New("publishing to ConfigMaps needs a client of the API")
	}
	switch {
	case o.Shards == 0:
		o.Shards = DefaultShards
	case o.Shards == NoShards:
		o.Shards = 0
	case o.Shards < 0:
		return o, fmt.Errorf("%d ConfigMaps for chunks are no number of them; give as many as the volume lists, such as %d", o.Shards, DefaultShards)
	}
	if err := checkConfigMapName(o.Namespace, o.Name, o.Shards); err != nil {
		return o, err
	}
	if o.ChunkGrace == 0 {
		o.ChunkGrace = DefaultConfigMapGrace
	}
	if o.Reread == 0 {
		o.Reread = DefaultConfigMapReread
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Logger = o.Logger.With("configmap", o.Namespace+"/"+o.Name)
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// ParseConfigMap reads NAMESPACE/NAME, for that many shards.
func ParseConfigMap(text string, shards int) (namespace, name string, err error) {
	namespace, name, ok := strings.Cut(text, "/")
	if !ok {
		return "", "", fmt.Errorf("%q is no ConfigMap; give it as NAMESPACE/NAME", text)
	}
	return namespace, name, checkConfigMapName(namespace, name, shards)
}

func checkConfigMapName(namespace, name string, shards int) error {
	if problems := validation.IsDNS1123Label(namespace); len(problems) > 0 {
		return fmt.Errorf("%q is no namespace: %s; give the ConfigMap as NAMESPACE/NAME", namespace, strings.Join(problems, ", "))
	}
	longest := name
	if shards > 0 {
		longest = shardName(name, shards-1)
	}
	if problems := validation.IsDNS1123Subdomain(longest); len(problems) > 0 {
		return fmt.Errorf("%q is no name for ConfigMaps up to %q: %s; give the ConfigMap as NAMESPACE/NAME", name, longest, strings.Join(problems, ", "))
	}
	return nil
}

// ErrSuperseded says that another writer has published since this one last looked.
// Nothing of the Publish is visible. Before the next one, which goes on from what
// the other has written, make sure that this process is still the leader.
var ErrSuperseded = errors.New("another writer has published meanwhile; go on only if this one still leads")

// ErrOlder says that another writer has published zones that the snapshots may be
// older than. Nothing was written.
var ErrOlder = errors.New("another writer has published what may be newer")

// Position is how far the source of snapshots had come, in words of its own. The
// zero value is that of a source that cannot tell.
type Position struct {
	// Text is kept with zones: nothing in them is newer than it says.
	Text string
	// Behind says where the snapshots may be older than zones with such a text;
	// nothing if they are not.
	Behind func(text string) string
}

// ConfigMaps publishes snapshots in ConfigMaps, for name servers that mount them
// as a volume. Its methods may be called at the same time; they take turns.
//
// Zones that fit into one ConfigMap together are the keys db.<zone> of
// NAMESPACE/NAME, the root. Larger ones are in the chunked layout: the roots in
// the root, and the chunks in NAME-0, NAME-1, …, their names the keys. No key is
// in two of them for longer than an accident lasts, and then with the same
// content, so one projected volume can show them all together.
//
// It keeps the promises of a [Folder] but for what files are, and these:
//
//   - A zone never names a chunk that is not there: chunks are written before,
//     and removed when no zone has named them for the grace time. After twice
//     that time at most, a Publish removes them.
//   - Two writers at once do no harm. Each write says which version it replaces,
//     and fails if that is not the last. So the serials of the versions that
//     anyone can see only grow, and who was stopped for a while cannot put an
//     older zone over a newer one: it gets [ErrSuperseded] instead.
//   - Unchanged zones cost no write. The one exception is the first Publish, which
//     marks the root as this writer's if another wrote it last, and by that locks
//     the other one out. The zones and their serials stay as they are.
//   - ConfigMaps of others are not touched; the error says how to hand one over.
//     In ours, keys of others stay.
//
// All zones are one object, so they are published together or not at all: the
// snapshots of a Publish must be all zones. One that is no longer among them goes
// with the next write.
type ConfigMaps struct {
	options ConfigMapOptions
	writer  string // begins the marks of this writer's versions
	marks   uint64 // that were made

	mu      sync.Mutex
	known   bool                   // what follows is what the API holds, as far as one can know
	reread  time.Time              // when that was last seen
	root    object                 // NAME
	chunked bool                   // the layout of the zones in it
	shards  map[int]*object        // those that exist, by number; nil: not looked for
	chunks  map[string]*shardChunk // in the shards, by name
	texts   map[string]string      // of the zones in the root, by key
	unseen  bool                   // those were just read
	// admitted reports that the guard has nothing against snapshots.
	admitted bool
	zones    map[string]*zoneKey // by origin
	warned   int                 // how many tenths of the shards the log was told are filled
	// position is that of the zones that this writer has published last.
	position string
}

// zoneKey is what is known of the key of one zone.
type zoneKey struct {
	// held is what the key holds, but for the serial. Nil: it is to be written.
	held *zone.Snapshot
	// serial is the newest serial that somebody may have seen, 0 if none is known.
	serial uint32
}

// NewConfigMaps returns a publisher, or says which option is wrong. It does not
// ask the API yet. A leader makes a new one for each of its terms.
func NewConfigMaps(options ConfigMapOptions) (*ConfigMaps, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	return &ConfigMaps{options: options, writer: rand.Text(), zones: map[string]*zoneKey{}}, nil
}

// attempts is how often a Publish begins anew after somebody else changed a
// ConfigMap without publishing.
const attempts = 5

// Publish is [ConfigMaps.PublishAt] for snapshots of which it is not known how new
// they are.
func (c *ConfigMaps) Publish(ctx context.Context, snapshots []*zone.Snapshot) ([]Result, error) {
	return c.PublishAt(ctx, snapshots, Position{})
}

// PublishAt makes the ConfigMaps those of the snapshots, which are all zones. On
// return without an error, the API has them.
//
// The results are in the order of the snapshots; their paths are
// NAMESPACE/NAME/KEY. An error of one zone is that zone's; what hinders all of
// them is in each result. The error joins them; call Publish again, later, with
// the snapshots of then. It wraps [ErrSuperseded] if another writer came first,
// [ErrOlder] if what another writer has published differs and may be newer, and
// [ErrHeld] if the guard holds the snapshots back.
func (c *ConfigMaps) PublishAt(ctx context.Context, snapshots []*zone.Snapshot, at Position) ([]Result, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var results []Result
	var err error
	for range attempts {
		results, err = c.publish(ctx, snapshots, at)
		if err == nil {
			break
		}
		if errors.Is(err, ErrOlder) || errors.Is(err, ErrHeld) {
			break // what is known stays true
		}
		c.known = false
		if !errors.Is(err, errMoved) {
			break
		}
		c.options.Logger.Debug("somebody else changed a ConfigMap; trying again", "error", err)
	}
	var errs []error
	for i := range results {
		r := &results[i]
		if r.Err != nil {
			errs = append(errs, r.Err)
		} else if err != nil {
			r.Err, r.Serial, r.Bytes, r.Written = err, 0, 0, false
		}
	}
	if err != nil {
		errs = append(errs, err)
	}
	return results, errors.Join(errs...)
}

// publish is one attempt. It returns the error that concerns all zones.
func (c *ConfigMaps) publish(ctx context.Context, snapshots []*zone.Snapshot, at Position) ([]Result, error) {
	p := c.plan(snapshots)
	p.position = at.Text
	if !c.known || c.options.Now().Sub(c.reread) >= c.options.Reread {
		if err := c.read(ctx); err != nil {
			return p.results, err
		}
	}
	if err := p.chooseLayout(c.chunked, c.options.Shards, c.root.other); err != nil {
		return p.results, err
	}
	if p.chunked && c.shards == nil {
		if err := c.readShards(ctx, new(reading)); err != nil {
			return p.results, err
		}
	}
	c.compare(p)
	err := c.older(p, at)
	if err == nil {
		err = c.admit(snapshots) // who knows less than what is there cannot tell what is gone
	}
	if err != nil {
		c.unseen = true // later snapshots are compared with the same texts
		return p.results, err
	}
	now := c.options.Now()
	fenced, err := c.putChunks(ctx, p.chunks)
	if errors.Is(err, errTooLarge) {
		return p.results, errors.Join(err, c.makeRoom(ctx, now))
	}
	if err != nil {
		return p.results, err
	}
	if p.changed || fenced || !c.isOurs(c.root.mark) || c.chunksDue(p.chunks, now) {
		if err := c.putRoot(ctx, p, now); err != nil {
			return p.results, err
		}
	}
	c.age(p.chunks, now)
	c.sweep(ctx, now, 2*c.options.ChunkGrace)
	c.warnCrowded(p)
	p.report()
	return p.results, nil
}

// admit asks the guard, until it has nothing against the snapshots.
func (c *ConfigMaps) admit(snapshots []*zone.Snapshot) error {
	if c.admitted {
		return nil
	}
	err := c.options.Guard.admit(snapshots, configMapKey, func(key string) (io.ReadCloser, error) {
		text, ok := c.texts[key]
		if chunk := c.chunks[key]; chunk != nil {
			text, ok = chunk.content(), !chunk.damaged()
		}
		if !ok {
			return nil, fs.ErrNotExist
		}
		return io.NopCloser(strings.NewReader(text)), nil
	})
	c.admitted = err == nil
	return err
}

// older returns an error if a plan could put older zones in place of newer ones. The
// position that this writer has written itself is not in its way: its snapshots come
// one after the other.
func (c *ConfigMaps) older(p *plan, at Position) error {
	was := c.root.position
	if !p.changed || at.Behind == nil || was == "" || was == c.position {
		return nil
	}
	if behind := at.Behind(was); behind != "" {
		return fmt.Errorf("configmap %s/%s: %w: %s", c.options.Namespace, c.options.Name, ErrOlder, behind)
	}
	return nil
}

// shardName is the name of a shard.
func shardName(name string, number int) string { return fmt.Sprintf("%s-%d", name, number) }
