package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
)

// What marks our ConfigMaps.
const (
	// FieldManager is the name under which ConfigMaps are applied.
	FieldManager = "zonegen"
	// PartOfAnnotation has the name of the root of which a ConfigMap is a part.
	// What does not have it is not ours and is not touched.
	PartOfAnnotation = annotationPrefix + "part-of"

	annotationPrefix = "zonegen.clusterset-dns.github.io/"
	// markAnnotation tells each version from all others, whoever wrote it.
	markAnnotation = annotationPrefix + "version"
	// shardsAnnotation of the root is how many shards there may be.
	shardsAnnotation = annotationPrefix + "shards"
	// condemnedAnnotation of the root names the chunks that may go any moment.
	condemnedAnnotation = annotationPrefix + "condemned"

	// positionAnnotation of the root says up to where the source of the zones had come.
	positionAnnotation = annotationPrefix + "position"

	managedByLabel = "app.kubernetes.io/managed-by"

	// ManagedBySelector selects our ConfigMaps by their labels.
	ManagedBySelector = managedByLabel + "=" + FieldManager
)

// object is what is known of a ConfigMap. The zero object does not exist.
type object struct {
	version string // its resourceVersion
	uid     types.UID
	mark    string // of the last writer that published
	other   int    // bytes of keys that are not ours
	// position is that of the zones in it.
	position string
}

// errMoved says that a ConfigMap is not the version that was to be replaced.
var errMoved = errors.New("it was changed meanwhile")

// nextMark makes a mark for a new version.
func (c *ConfigMaps) nextMark() string {
	c.marks++
	return fmt.Sprintf("%s.%d", c.writer, c.marks)
}

// isOurs reports whether this writer made a mark.
func (c *ConfigMaps) isOurs(mark string) bool { return strings.HasPrefix(mark, c.writer+".") }

// get reads a ConfigMap; nil if there is none. It refuses one that is not ours.
func (c *ConfigMaps) get(ctx context.Context, name string) (*corev1.ConfigMap, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	cm, err := c.options.Client.ConfigMaps(c.options.Namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, c.fail("get", name, err)
	case cm.Annotations[PartOfAnnotation] != c.options.Name:
		return nil, c.foreign(name)
	case cm.Immutable != nil && *cm.Immutable:
		return nil, c.immutable(name)
	}
	return cm, nil
}

// create makes an empty ConfigMap of ours. The first apply could make it, too, but
// could not tell that somebody else was quicker. Its error wraps errMoved then.
func (c *ConfigMaps) create(ctx context.Context, name string) (object, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	cm, err := c.options.Client.ConfigMaps(c.options.Namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name:        name,
		Labels:      map[string]string{managedByLabel: FieldManager},
		Annotations: map[string]string{PartOfAnnotation: c.options.Name},
	}}, metav1.CreateOptions{FieldManager: FieldManager})
	if apierrors.IsAlreadyExists(err) {
		return object{}, c.moved(name)
	}
	if err != nil {
		return object{}, c.fail("create", name, err)
	}
	return object{version: cm.ResourceVersion, uid: cm.UID}, nil
}

// apply makes the data of a ConfigMap and its annotations what is given, and
// creates it if it does not exist. Keys of others stay. The error wraps errMoved
// if the ConfigMap is not the version that is known.
func (c *ConfigMaps) apply(ctx context.Context, name string, was object, data, annotations map[string]string) (object, error) {
	if was.version == "" {
		var err error
		if was, err = c.create(ctx, name); err != nil {
			return object{}, err
		}
	}
	is := was
	is.mark = c.nextMark()
	config := applycorev1.ConfigMap(name, c.options.Namespace).
		WithResourceVersion(was.version).
		WithUID(was.uid).
		WithLabels(map[string]string{managedByLabel: FieldManager}).
		WithAnnotations(map[string]string{PartOfAnnotation: c.options.Name, markAnnotation: is.mark}).
		WithAnnotations(annotations).
		WithData(data)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	// Force takes a field of ours back from whoever changed it: all that is applied is ours.
	cm, err := c.options.Client.ConfigMaps(c.options.Namespace).Apply(ctx, config, metav1.ApplyOptions{FieldManager: FieldManager, Force: true})
	switch {
	case apierrors.IsConflict(err), apierrors.IsNotFound(err):
		return object{}, c.moved(name)
	case err != nil:
		return object{}, c.fail("patch", name, err)
	}
	is.version = cm.ResourceVersion
	c.options.Logger.Debug("applied", "name", name, "bytes", dataSize(data))
	return is, nil
}

// remove deletes a ConfigMap, if it is the version that is known.
func (c *ConfigMaps) remove(ctx context.Context, name string, was object) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := c.options.Client.ConfigMaps(c.options.Namespace).Delete(ctx, name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &was.uid, ResourceVersion: &was.version},
	})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err):
		return c.moved(name)
	case err != nil:
		return c.fail("delete", name, err)
	}
	return nil
}

// objectOf is what is to be known of a ConfigMap. Ours reports which keys are.
func objectOf(cm *corev1.ConfigMap, ours func(key string) bool) object {
	if cm == nil {
		return object{}
	}
	o := object{version: cm.ResourceVersion, uid: cm.UID, mark: cm.Annotations[markAnnotation], position: cm.Annotations[positionAnnotation]}
	for key, value := range cm.Data {
		if !ours(key) {
			o.other += len(key) + len(value)
		}
	}
	for key, value := range cm.BinaryData {
		o.other += len(key) + len(value)
	}
	return o
}

// dataSize is the size of keys and values in bytes.
func dataSize(data map[string]string) int {
	n := 0
	for key, value := range data {
		n += len(key) + len(value)
	}
	return n
}
