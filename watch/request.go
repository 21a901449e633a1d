package watch

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// client is a typed client of one kind.
type client[List runtime.Object] interface {
	List(ctx context.Context, opts metav1.ListOptions) (List, error)
	Watch(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error)
}

// requests makes the requests of a reflector, for objects that selector
// matches, and notes in a how they go.
//
// The reflector itself would not tell: while a server refuses connections it
// retries inside of ListAndWatch for ever, without an error that a
// WatchErrorHandler could see.
func requests[List runtime.Object](c client[List], selector string, a *access) cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, opts metav1.ListOptions) (runtime.Object, error) {
			opts.LabelSelector = selector
			if a.listsAnew() {
				opts.ResourceVersion = "" // the newest
			}
			a.asks()
			request, cancel := context.WithTimeout(ctx, listTimeout)
			defer cancel()
			list, err := c.List(request, opts)
			a.wasAnswered()
			if err != nil {
				if reportable(ctx, err) {
					a.failed(verbList, err)
				}
				return nil, err
			}
			return list, nil
		},
		WatchFuncWithContext: func(ctx context.Context, opts metav1.ListOptions) (watch.Interface, error) {
			opts.LabelSelector = selector
			a.asks()
			streamed := opts.SendInitialEvents != nil // a list, and then a watch
			switch wanted, hurries := a.hurries(); {
			case a.listsAnew() && streamed:
				opts.ResourceVersion = "" // the newest
			case a.listsAnew():
				return nil, apierrors.NewResourceExpired("the watch does not come to the version that the server has")
			case hurries && !streamed:
				refresh(ctx, c, selector, wanted, a)
				opts.TimeoutSeconds = new(briefWatch)
			}
			s, err := begin(ctx, func(ctx context.Context) (watch.Interface, error) { return c.Watch(ctx, opts) })
			a.wasAnswered()
			switch {
			case err == nil:
				a.isWatched(s.cut, streamed)
				return s, nil
			case streamed:
				// Whatever is wrong, the reflector falls back
				// to a plain list, which reports it. But after a refused
				// connection or a 429 it would wait and stream again, deaf to
				// the context: so it must not recognise one.
				return nil, opaque(err)
			case reportable(ctx, err):
				a.failed(verbWatch, err)
			}
			return nil, err
		},
	}
}

// listTimeout is how long a page of a list may take, or a list that has none. By itself
// kube-apiserver ends a request after a minute.
const listTimeout = silence

// reportable reports whether err is a problem: neither our own end, nor a
// resource version that the reflector will replace by a newer one.
func reportable(ctx context.Context, err error) bool {
	return ctx.Err() == nil && !isOutdated(err)
}

// isOutdated reports whether the server no longer, or not yet, knows the
// resource version that was asked for.
func isOutdated(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) ||
		apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}

// opaque returns err as one that nobody can recognise, unless it is about the
// resource version.
func opaque(err error) error {
	if isOutdated(err) {
		return err
	}
	return errors.New(err.Error())
}
