package publish

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/clusterset-dns/zonegen/internal/remedy"
	"github.com/clusterset-dns/zonegen/zone"
)

// maxShardsRead is the most ConfigMaps with chunks that are read for one root, which
// says itself how many there are.
const maxShardsRead = 256

// PublishedFiles is what a volume of the ConfigMaps of one root shows, all of one
// moment.
type PublishedFiles struct {
	name  string
	files map[string]string
}

// ReadConfigMaps reads the zones that a [ConfigMaps] has published, or that somebody
// else has put into the keys db.<zone> of a ConfigMap. It needs the verb get. Errors
// name the ConfigMap and say what mends it.
func ReadConfigMaps(ctx context.Context, client corev1client.ConfigMapsGetter, namespace, name string) (*PublishedFiles, error) {
	if err := checkConfigMapName(namespace, name, 1); err != nil {
		return nil, err
	}
	for range attempts {
		files, err := readOnce(ctx, client.ConfigMaps(namespace), namespace, name)
		if !errors.Is(err, errMoved) {
			return files, err
		}
	}
	return nil, fmt.Errorf("configmap %s/%s: %w, %d times while it was read; try again", namespace, name, errMoved, attempts)
}

// readOnce is one attempt. Chunks are removed after no root includes them, so all
// that a root includes is there unless the root was replaced meanwhile: then the
// error is errMoved.
func readOnce(ctx context.Context, client corev1client.ConfigMapInterface, namespace, name string) (*PublishedFiles, error) {
	get := func(name string) (map[string]string, map[string]string, string, error) {
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		cm, err := client.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, nil, "", err
		}
		return cm.Data, cm.Annotations, cm.ResourceVersion, nil
	}
	root, annotations, version, err := get(name)
	if err != nil {
		return nil, readError(namespace, name, name, err)
	}
	p := &PublishedFiles{name: namespace + "/" + name, files: maps.Clone(root)}
	if len(p.Zones()) == 0 {
		return nil, fmt.Errorf("configmap %s/%s has no zones: none of its keys is db.ZONE; give the one that zonegen run --configmap writes", namespace, name)
	}
	shards, err := strconv.ParseUint(annotations[shardsAnnotation], 10, 10)
	if err != nil {
		return p, nil // it has no chunks
	}
	for number := range min(int(shards), maxShardsRead) { //nolint:gosec // ten bits
		data, _, _, err := get(shardName(name, number))
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, readError(namespace, name, shardName(name, number), err)
		}
		for key, text := range data {
			if zone.IsChunkName(key) {
				p.files[key] = text
			}
		}
	}
	for _, key := range p.Zones() {
		for line := range strings.Lines(root[key]) {
			chunk, ok := strings.CutPrefix(line, "$INCLUDE ")
			if !ok {
				continue
			}
			if _, ok := p.files[strings.TrimSuffix(chunk, "\n")]; ok {
				continue
			}
			if _, _, now, err := get(name); err == nil && now != version {
				return nil, errMoved
			}
			return p, nil // what is missing is told by who reads the zone
		}
	}
	return p, nil
}

// readError says of a failed request for a part of a root what mends it.
func readError(namespace, root, name string, err error) error {
	right := remedy.Right{
		Role: "zonegen-read", Resource: corev1.Resource("configmaps"), Verbs: []string{"get"},
		Namespace: namespace, Name: root, Parts: DefaultShards,
	}
	mend := right.Of("get", err)
	if apierrors.IsNotFound(err) {
		mend = "see which there are: kubectl --namespace " + namespace + " get configmaps"
	}
	if mend != "" {
		mend = "; " + mend
	}
	return fmt.Errorf("get configmap %s/%s: %w%s", namespace, name, err, mend)
}

// Zones returns the keys of zones, db.<zone>, sorted.
func (p *PublishedFiles) Zones() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.files)), func(key string) bool { return !isZoneKey(key) })
}

// Open opens a zone or a chunk by its key. The error wraps [fs.ErrNotExist] if there
// is none.
func (p *PublishedFiles) Open(key string) (io.ReadCloser, error) {
	text, ok := p.files[key]
	if !ok {
		return nil, fmt.Errorf("%s is not in configmap %s: %w", key, p.name, fs.ErrNotExist)
	}
	return io.NopCloser(strings.NewReader(text)), nil
}
