package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// guardFlags choose which loss of services is held back.
type guardFlags struct {
	share percent
	hold  time.Duration
}

// percent is a share of something.
type percent uint32

// String writes it as [parsePercent] reads it.
func (p percent) String() string { return strconv.FormatUint(uint64(p), 10) + "%" }

func parsePercent(text string) (percent, error) {
	n, err := strconv.ParseUint(strings.TrimSuffix(text, "%"), 10, 32)
	if err != nil || n > 100 {
		return 0, errors.New("use a share such as 30%; 0 or 100% for no guard")
	}
	return percent(n), nil
}

func (g *guardFlags) register(flags *pflag.FlagSet) {
	g.share, g.hold = 30, time.Minute
	flags.Var(flagValue[percent]{&g.share, parsePercent}, "deletion-guard", "when more than this `share` of 10 or more services is lost at once, their records stay for --deletion-guard-hold; 0 or 100% for no guard")
	flags.Var(interval(&g.hold, time.Hour), "deletion-guard-hold", "how long to hold back such a loss before it is believed, and what counts as at once: a `time`; 0 for no guard")
}

func (g *guardFlags) limit() lossLimit { return lossLimit{uint32(g.share), g.hold} }
