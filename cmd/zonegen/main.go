// Command zonegen keeps RFC 1035 zone files true to the multi-cluster services
// of a Kubernetes clusterset, so that any DNS server that serves files answers
// for clusterset.local.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// exitCode is an error that has been reported already: it only sets the exit
// status.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

// failure is an error of a command whose exit status 1 has another meaning.
type failure struct{ err error }

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

// neverOne returns the error of a command whose exit status 1 has another meaning.
func neverOne(err error) error {
	var code exitCode
	if err == nil || errors.As(err, &code) {
		return err
	}
	return failure{withHint(err)}
}

// withHint says what to do about a file that is not there, unless the error does.
func withHint(err error) error {
	if errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(err.Error(), "check the path") {
		return fmt.Errorf("%w; check the path", err)
	}
	return err
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(execute(ctx, os.Args[0], os.Args[1:]))
}

// execute runs one command line and returns the exit status: 0, 1 if something was
// found or a daemon failed, 2 if the command line cannot be used or a command failed
// that looks for something.
func execute(ctx context.Context, program string, args []string) int {
	root := newRootCommand()
	root.SetArgs(callAs(root, program, args))
	err := root.ExecuteContext(ctx)
	var code exitCode
	var usage usageError
	var failed failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage), errors.As(err, &failed):
		fmt.Fprintf(os.Stderr, "zonegen: %v\n", err)
		return 2
	default:
		fmt.Fprintf(os.Stderr, "zonegen: %v\n", err)
		return 1
	}
}
