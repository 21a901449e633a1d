package e2e

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
)

// relay stands between a zonegen and the API server as a load balancer does, and can let watches and lists of
// what zonegen publishes hang: their connections stay, and nothing comes. All other requests go through.
type relay struct {
	kubeconfig string // of an administrator who comes this way

	mu    sync.Mutex
	open  context.Context // done when the watches that are open hang
	hang  func()
	waits chan struct{} // what new watches wait for; nil: nothing
	lists chan struct{} // what lists wait for; nil: nothing
}

func newRelay(t testing.TB, a *apiServer) *relay {
	t.Helper()
	r := new(relay)
	r.open, r.hang = context.WithCancel(context.Background())
	hanging := func(response *http.Response) error {
		if isWatch(response.Request) {
			response.Body = r.watch(response.Request.Context(), response.Body)
		}
		return nil
	}
	r.kubeconfig = newProxy(t, a, hanging, func(pass http.Handler) http.HandlerFunc {
		return func(w http.ResponseWriter, request *http.Request) {
			r.wait(request)
			pass.ServeHTTP(w, request)
		}
	})
	return r
}

// hangOpen makes the watches hang that are open.
func (r *relay) hangOpen() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hang()
	r.open, r.hang = context.WithCancel(context.Background())
}

// hangNew makes the watches hang that are begun from now on, until the result is called.
func (r *relay) hangNew() (release func()) { return r.hangAt(&r.waits) }

// hangLists makes the lists hang that are asked for from now on, until the result is called.
func (r *relay) hangLists() (release func()) { return r.hangAt(&r.lists) }

func (r *relay) hangAt(at *chan struct{}) (release func()) {
	waits := make(chan struct{})
	set := func(c chan struct{}) {
		r.mu.Lock()
		defer r.mu.Unlock()
		*at = c
	}
	set(waits)
	return func() {
		set(nil)
		close(waits)
	}
}

// wait waits while requests of this sort hang.
func (r *relay) wait(request *http.Request) {
	r.mu.Lock()
	var waits chan struct{}
	switch {
	case isWatch(request):
		waits = r.waits
	case watchedKind(request) != "":
		waits = r.lists
	}
	r.mu.Unlock()
	if waits == nil {
		return
	}
	select {
	case <-waits:
	case <-request.Context().Done():
	}
}

// watch returns the events of a watch that can be made to hang.
func (r *relay) watch(ctx context.Context, events io.ReadCloser) io.ReadCloser {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &hangingBody{events, ctx, r.open}
}

// hangingBody is the body of a response that hangs when open is done, until the client goes away.
type hangingBody struct {
	io.ReadCloser
	client, open context.Context
}

func (b *hangingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.open.Err() != nil {
		<-b.client.Done()
		return 0, b.client.Err()
	}
	return n, err
}
