package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/clusterset-dns/zonegen/watch"
)

// logFlags choose what is logged and how.
type logFlags struct {
	level, format string
}

func (l *logFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&l.level, "log-level", "info", "least `level` that is logged: debug, info, warn or error")
	flags.StringVar(&l.format, "log-format", "text", "`format` of the log: text or json")
}

// logger returns the logger that the flags describe, and leads the log of
// client-go into it.
func (l *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	switch l.level {
	case "debug", "info", "warn", "error":
		if err := level.UnmarshalText([]byte(l.level)); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("--log-level %q: use debug, info, warn or error", l.level)
	}
	options := &slog.HandlerOptions{Level: level}
	var logger *slog.Logger
	switch l.format {
	case "text":
		logger = slog.New(slog.NewTextHandler(w, options))
	case "json":
		logger = slog.New(slog.NewJSONHandler(w, options))
	default:
		return nil, fmt.Errorf("--log-format %q: use text or json", l.format)
	}
	watch.RouteKlog(logger)
	return logger, nil
}
