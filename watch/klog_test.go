package watch

import (
	"errors"
	"log/slog"
	"testing"

	"k8s.io/klog/v2"
)

func TestRouteKlog(t *testing.T) {
	t.Cleanup(klog.ClearLogger)
	for name, test := range map[string]struct {
		level slog.Level
		want  string
	}{
		"debug": {slog.LevelDebug, `level=WARN msg="it broke" component=client-go err=why key=value
level=WARN msg="Warning: odd" component=client-go key=value
level=DEBUG msg=chatter component=client-go
level=DEBUG msg="more chatter" component=client-go
level=WARN msg="an old one" component=client-go
level=DEBUG msg="an old line" component=client-go
`},
		"info": {slog.LevelInfo, `level=WARN msg="it broke" component=client-go err=why key=value
level=WARN msg="Warning: odd" component=client-go key=value
level=WARN msg="an old one" component=client-go
`},
		"error": {slog.LevelError, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var l logs
			RouteKlog(l.logger(test.level))
			logger := klog.Background()
			logger.Error(errors.New("why"), "it broke", "key", "value")
			logger.Info("Warning: odd", "key", "value")
			logger.V(2).Info("chatter")
			logger.V(4).Info("more chatter")
			logger.V(6).Info("body of a request")
			klog.Error("an old one")
			klog.Info("an old line")
			if got := l.take(); got != test.want {
				t.Errorf("got:\n%swant:\n%s", got, test.want)
			}
		})
	}
}
