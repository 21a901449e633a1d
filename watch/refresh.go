package watch

import (
	"context"
	"log/slog"
	"strconv"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
)

const (
	// briefWatch is the time of a watch, in seconds, of which it is to be known soon how
	// far the server has come: kube-apiserver tells that two seconds before the end.
	briefWatch int64 = 3
	// refreshTimeout is how long each of the requests before that may take. The server
	// itself gives up after three seconds.
	refreshTimeout = overdue
)

// refresh finds out how far the API has come, and has the server's cache come to a
// version at least, if there is such a version.
func refresh[List runtime.Object](ctx context.Context, c client[List], selector string, wanted uint64, a *access) {
	present, err := ask(ctx, c)
	if err != nil {
		if ctx.Err() == nil {
			a.cannotAsk(err)
		}
		return
	}
	a.isAt(wanted, present)
	if err := advance(ctx, c, selector, min(wanted, present)); err != nil {
		a.logger.LogAttrs(ctx, slog.LevelDebug, "the API server has not come to a version", slog.String("resource", a.resource.String()),
			slog.Uint64("version", min(wanted, present)), slog.Any("error", err))
	}
}

// ask returns the newest version that there is, of which a list without a version is;
// see https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list.
func ask[List runtime.Object](ctx context.Context, c client[List]) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	list, err := c.List(ctx, metav1.ListOptions{Limit: 1})
	if err != nil {
		return 0, err
	}
	l, err := meta.ListAccessor(list)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(l.GetResourceVersion(), 10, 64)
}

// advance has the server's cache come to a version at least. By itself it learns of
// versions without a change from etcd only, every ten minutes if that is not
// configured otherwise; but it asks etcd when somebody wants to read that version.
func advance[List runtime.Object](ctx context.Context, c client[List], selector string, version uint64) error {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	_, err := c.List(ctx, metav1.ListOptions{
		LabelSelector:   selector,
		ResourceVersion: strconv.FormatUint(version, 10), ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan,
		FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, "nobody").String(), // it is not about objects
	})
	return err
}
