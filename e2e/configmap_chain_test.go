package e2e

import (
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// chain follows the ConfigMaps of a namespace until there is one called end. Each version of the zone must be whole when
// it appears, and have a greater serial than the one before unless it is the same. Each new one is given to check, if
// that is not nil.
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
		for line := range strings.Lines(root) {
			name, ok := strings.CutPrefix(line, "$INCLUDE ")
			there := !ok
			for _, data := range held {
				_, has := data[strings.TrimSpace(name)]
				there = there || has
			}
			if !there {
				return fmt.Errorf("after %s %s, serial %d includes %s, which is not there", event.Type, cm.Name, serialOf(root), name)
			}
		}
		is := serialOf(root)
		if is < serial || is == serial && root != text {
			return fmt.Errorf("serial %d follows %d", is, serial)
		}
		if check != nil && root != text {
			if err := check(root); err != nil {
				return err
			}
		}
		serial, text = is, root
	}
	return fmt.Errorf("the watch ended")
}
