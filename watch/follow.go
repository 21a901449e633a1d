package watch

import (
	"context"
	"math"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// backoff is the pause between attempts, from half a second to five, plus up to
// a fifth of it at random. client-go's own goes to a minute, in which name servers
// would serve what is no longer true although the API is back.
var backoff = wait.Backoff{
	Duration: 500 * time.Millisecond,
	Factor:   2,
	Jitter:   0.2,
	Cap:      5 * time.Second,
	Steps:    math.MaxInt32,
}

// backoffReset is how long after its start a series of pauses begins anew.
const backoffReset = 2 * time.Minute

// retry calls attempt until it returns true or ctx is done.
func retry(ctx context.Context, attempt func(context.Context) bool) {
	_ = backoff.DelayWithReset(clock.RealClock{}, backoffReset).Until(ctx, true, true,
		func(ctx context.Context) (bool, error) { return attempt(ctx), nil })
}

// follow keeps store true to what lw lists and watches, until ctx is done or
// the server no longer serves that kind (404). Then the store is left as it was.
// Everything else is tried again for ever. example is an object of the type
// that lw brings.
func follow(ctx context.Context, a *access, example runtime.Object, lw cache.ListerWatcher, store cache.ReflectorStore) {
	pause := backoff
	reflector := cache.NewReflectorWithOptions(lw, example, store, cache.ReflectorOptions{
		Name:            a.resource.String(),
		TypeDescription: a.kind,
		Backoff:         &pause,
	})
	retry(ctx, func(ctx context.Context) bool {
		// lw has noted the error already.
		return apierrors.IsNotFound(reflector.ListAndWatchWithContext(ctx))
	})
}
