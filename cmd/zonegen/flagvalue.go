package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagValue is a flag whose text is judged while the command line is read. The
// errors of parse say what to use instead: flagError puts the flag and its text
// before them.
type flagValue[T any] struct {
	to    *T
	parse func(text string) (T, error)
}

func (v flagValue[T]) Set(text string) error {
	parsed, err := v.parse(text)
	if err == nil {
		*v.to = parsed
	}
	return err
}

func (v flagValue[T]) String() string { return fmt.Sprint(*v.to) }

func (v flagValue[T]) Type() string { return "value" }

// number is a flag of a whole number.
func number(to *uint32, least, most uint32) pflag.Value {
	return flagValue[uint32]{to, func(text string) (uint32, error) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n < uint64(least) || n > uint64(most) {
			return 0, fmt.Errorf("use a whole number from %d to %d", least, most)
		}
		return uint32(n), nil
	}}
}

// interval is a flag of a time from 0 on; a most of 0 is no limit.
func interval(to *time.Duration, most time.Duration) pflag.Value {
	return flagValue[time.Duration]{to, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		switch {
		case (err != nil || d < 0) && most == 0:
			return 0, errors.New("use a time with its unit, such as 90s")
		case err != nil || d < 0 || most > 0 && d > most:
			return 0, fmt.Errorf("use a time with its unit, such as 250ms, from 0s to %s", most)
		}
		return d, nil
	}}
}

// choiceValue is a flag with few values.
type choiceValue struct {
	flagValue[string]
	choices []string
}

// choice returns a flag with few values.
func choice(to *string, choices ...string) pflag.Value {
	return choiceValue{flagValue[string]{to, func(text string) (string, error) {
		if !slices.Contains(choices, text) {
			last := len(choices) - 1
			return "", fmt.Errorf("use %s or %s", strings.Join(choices[:last], ", "), choices[last])
		}
		return text, nil
	}}, choices}
}

// flagError makes a usage error of what was wrong with a flag on the command
// line: it names the flag, its value and the fix.
func flagError(cmd *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if errors.As(err, &invalid) {
		fix := errors.Unwrap(invalid)
		if invalid.GetFlag().Value.Type() == "bool" {
			fix = errors.New("use true or false, or no value for true")
		}
		err = fmt.Errorf("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), fix)
	}
	return seeHelp(cmd, err)
}

// seeHelp makes a usage error that refers to the help.
func seeHelp(cmd *cobra.Command, err error) error {
	return usageError{fmt.Errorf("%w\nSee '%s --help'", err, cmd.CommandPath())}
}

// flagErrors makes one usage error of several, a line each.
func flagErrors(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return usageError{err}
	}
	return nil
}

// unjoin returns the errors that errors.Join put together.
func unjoin(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}
