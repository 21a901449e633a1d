package watch

import (
	"context"
	"log/slog"
	"strings"

	"k8s.io/klog/v2"
)

// RouteKlog leads all that client-go logs into logger. Its errors and warnings
// become warnings, since client-go tries again whatever fails and what matters
// is said in our own words; everything else becomes debug output. Nothing is
// discarded.
//
// It changes the whole process, and must be called before anything uses client-go.
func RouteKlog(logger *slog.Logger) {
	klog.SetSlogLogger(slog.New(klogHandler{logger.With(slog.String("component", "client-go")).Handler()}))
}

// chattiest is the highest verbosity of client-go (V(4): lists, watches and why
// they ended) that debug output includes; above it are bodies of requests.
const chattiest = slog.Level(-4)

// klogHandler gives records of klog the level that they have for us.
type klogHandler struct{ slog.Handler }

// Enabled implements [slog.Handler]. Which level a record will get is not known
// before its text is.
func (h klogHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= chattiest && h.Handler.Enabled(ctx, h.level(level, "warning"))
}

// Handle implements [slog.Handler].
func (h klogHandler) Handle(ctx context.Context, record slog.Record) error {
	record.Level = h.level(record.Level, record.Message)
	if !h.Handler.Enabled(ctx, record.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements [slog.Handler].
func (h klogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return klogHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements [slog.Handler].
func (h klogHandler) WithGroup(name string) slog.Handler {
	return klogHandler{h.Handler.WithGroup(name)}
}

// level maps klog's levels to ours. klog has no level for warnings of
// structured logs; they begin with that word.
func (klogHandler) level(level slog.Level, message string) slog.Level {
	warning := len(message) >= 7 && strings.EqualFold(message[:7], "warning")
	switch {
	case level >= slog.LevelWarn, level == slog.LevelInfo && warning:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}
