package watch

import (
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/tools/cache"
)

// feed leads what a reflector sees of one kind into the store. It is the whole
// cache of that reflector: unlike an informer there is no second copy and no
// queue of notifications that can grow, and an object is in the store before
// the reflector goes on. So "listed" means that we have received the list, not
// only client-go; and the store outlives the reflector, whose API may go away
// and come back in another version.
type feed[T any] struct {
	update  func(func()) // runs one change of the store
	strip   func(obj any) (T, error)
	put     func(T)
	drop    func(T)
	believe func() bool // asked before each drop; nil: yes
	replace func([]T)
	reach   func(version string) // called in a change of the store
	listed  func()               // called after each complete list
	heard   func(version string) // called after each event, also one that only tells that there is none
}

var (
	_ cache.TransformingStore      = (*feed[int])(nil)
	_ cache.ResourceVersionUpdater = (*feed[int])(nil)
)

// Add implements [cache.ReflectorStore].
func (f *feed[T]) Add(obj any) error { return f.with(obj, f.put) }

// Update implements [cache.ReflectorStore].
func (f *feed[T]) Update(obj any) error { return f.with(obj, f.put) }

// Delete implements [cache.ReflectorStore].
func (f *feed[T]) Delete(obj any) error {
	if f.believe != nil && !f.believe() {
		return nil
	}
	return f.with(obj, f.drop)
}

func (f *feed[T]) with(obj any, do func(T)) error {
	stripped, err := f.strip(obj)
	if err != nil {
		return err
	}
	o, err := meta.Accessor(obj)
	if err != nil {
		return err
	}
	f.update(func() {
		do(stripped)
		f.reach(o.GetResourceVersion())
	})
	return nil
}

// Replace implements [cache.ReflectorStore]: objs is everything there is.
func (f *feed[T]) Replace(objs []any, version string) error {
	all := make([]T, len(objs))
	for i, obj := range objs {
		stripped, err := f.strip(obj)
		if err != nil {
			return err
		}
		all[i], objs[i] = stripped, nil
	}
	f.update(func() {
		f.replace(all)
		f.reach(version)
	})
	f.listed()
	return nil
}

// Resync implements [cache.ReflectorStore]. There is nothing to do.
func (f *feed[T]) Resync() error { return nil }

// UpdateResourceVersion implements [cache.ResourceVersionUpdater].
func (f *feed[T]) UpdateResourceVersion(version string) { f.heard(version) }

// Transformer implements [cache.TransformingStore]: a list that arrives as a
// stream is stripped object by object.
func (f *feed[T]) Transformer() cache.TransformFunc {
	return func(obj any) (any, error) { return f.strip(obj) }
}
