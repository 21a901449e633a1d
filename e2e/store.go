package e2e

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// create stores new objects. Each is filled with what the API server made of it.
func (a *apiServer) create(t testing.TB, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := a.Create(t.Context(), object); err != nil {
			t.Fatalf("creating %T %s: %v", object, client.ObjectKeyFromObject(object), err)
		}
	}
}

// modify reads an object, has it changed and stores it, again if somebody else was faster.
func (a *apiServer) modify(t testing.TB, object client.Object, change func()) {
	t.Helper()
	a.write(t, object, change, func() error { return a.Update(t.Context(), object) })
}

// modifyStatus is modify for the status of an object.
func (a *apiServer) modifyStatus(t testing.TB, object client.Object, change func()) {
	t.Helper()
	a.write(t, object, change, func() error { return a.Status().Update(t.Context(), object) })
}

func (a *apiServer) write(t testing.TB, object client.Object, change func(), write func() error) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		if err := a.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		change()
		return write()
	})
	if err != nil {
		t.Fatalf("changing %T %s: %v", object, client.ObjectKeyFromObject(object), err)
	}
}

// remove deletes objects that must be there.
func (a *apiServer) remove(t testing.TB, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := a.Delete(t.Context(), object); err != nil {
			t.Fatalf("deleting %T %s: %v", object, client.ObjectKeyFromObject(object), err)
		}
	}
}

// gone returns nil when there is no such object (any more).
func (a *apiServer) gone(t testing.TB, object client.Object) error {
	err := a.Get(t.Context(), client.ObjectKeyFromObject(object), object)
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return errors.New("it is still there")
}
