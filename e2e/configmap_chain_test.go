package e2e

import (
	"fmt"
	"maps"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// watchConfigMaps watches the ConfigMaps of a namespace.
func watchConfigMaps(t testing.TB, api *apiServer, namespace string) watch.Interface {
	t.Helper()
	w, err := api.Watch(t.Context(), new(corev1.ConfigMapList), client.InNamespace(namespace))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

// chain follows the ConfigMaps of a namespace until there is one called end. Each version of the zone must be whole when
// it appears, and have a greater serial than the one before unless it is the same. Each new one is given to check, if
// that is not nil, with its chunks in their places.
func chain(w watch.Interface, check func(text string) error) error {
	held := map[string]map[string]string{}
	serial, text := uint32(0), ""
	for event := range w.ResultChan() {
		cm, ok := event.Object.(*corev1.ConfigMap)
		switch {
		case !ok:
			return fmt.Errorf("the watch says %v", event.Object)
		case cm.Name == "end":
			return nil
		case event.Type == watch.Deleted:
			delete(held, cm.Name)
		default:
			held[cm.Name] = maps.Clone(cm.Data)
		}
		root := held["zones"]["db.clusterset.local"]
		if root == "" {
			continue
		}
		zone, err := withIncludes([]byte(root), func(chunk string) ([]byte, error) {
			for _, data := range held {
				if text, is := data[chunk]; is {
					return []byte(text), nil
				}
			}
			return nil, fmt.Errorf("after %s %s, serial %d includes %s, which is not there", event.Type, cm.Name, serialOf(root), chunk)
		})
		if err != nil {
			return err
		}
		is := serialOf(root)
		if is < serial || is == serial && root != text {
			return fmt.Errorf("serial %d follows %d", is, serial)
		}
		if check != nil && root != text {
			if err := check(string(zone)); err != nil {
				return err
			}
		}
		serial, text = is, root
	}
	return fmt.Errorf("the watch ended")
}
