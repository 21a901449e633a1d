package main

import (
	"io"
	"log/slog"

	"github.com/spf13/pflag"

	"github.com/clusterset-dns/zonegen/watch"
)

var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"text", "json"}
)

// logFlags choose what is logged and how.
type logFlags struct {
	level, format string
}

func (l *logFlags) register(flags *pflag.FlagSet) { l.registerAt(flags, "info") }

// registerAt is register with another level than info where nobody asks for one.
func (l *logFlags) registerAt(flags *pflag.FlagSet, level string) {
	l.level, l.format = level, "text"
	flags.Var(choice(&l.level, logLevels...), "log-level", "least `level` that is logged: debug, info, warn or error")
	flags.Var(choice(&l.format, logFormats...), "log-format", "`format` of the log: text or json")
}

// logger returns the logger that the flags describe, and leads the log of
// client-go into it.
func (l *logFlags) logger(w io.Writer) *slog.Logger {
	level := map[string]slog.Level{"debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}[l.level]
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if l.format == "json" {
		handler = slog.NewJSONHandler(w, options)
	}
	logger := slog.New(handler)
	watch.RouteKlog(logger)
	return logger
}
