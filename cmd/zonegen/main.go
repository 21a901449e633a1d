// Command zonegen keeps RFC 1035 zone files true to the multi-cluster services
// of a Kubernetes clusterset, so that any DNS server that serves files answers
// for clusterset.local.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// exitCode is an error that has been reported already: it only sets the exit
// status.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit status %d", int(c)) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(execute(ctx, os.Args[1:]))
}

// execute runs one command line and returns the exit status: 0, 1 if a check
// found something or a daemon failed, 2 if the command line cannot be used.
func execute(ctx context.Context, args []string) int {
	root := newRootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var code exitCode
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case errors.As(err, &usage):
		fmt.Fprintf(os.Stderr, "zonegen: %v\n", err)
		return 2
	default:
		fmt.Fprintf(os.Stderr, "zonegen: %v\n", err)
		return 1
	}
}
