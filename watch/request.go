package watch

import (
	"context"
	"errors"
	"log/slog"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
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
			list, err := c.List(ctx, opts)
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
			if version, ok := a.hurries(); ok && !streamed {
				refresh(ctx, c, selector, version, a)
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

// briefWatch is the time of a watch, in seconds, of which it is to be known soon how
// far the server has come: kube-apiserver tells that two seconds before the end.
const briefWatch int64 = 3

// refreshTimeout is how long that may take. The server itself gives up after three
// seconds.
const refreshTimeout = overdue

// refresh has the server's cache come to a version at least. By itself it learns
// of versions without a change from etcd only, every ten minutes if that is not
// configured otherwise; but it asks etcd when somebody wants to read that version.
func refresh[List runtime.Object](ctx context.Context, c client[List], selector, version string, a *access) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	_, err := c.List(ctx, metav1.ListOptions{
		LabelSelector:   selector,
		ResourceVersion: version, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, "nobody").String(), // it is not about objects
	})
	if err != nil {
		a.logger.LogAttrs(ctx, slog.LevelDebug, "the API server has not come to a version", slog.String("resource", a.resource.String()),
			slog.String("version", version), slog.Any("error", err))
	}
}

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
