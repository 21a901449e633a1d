// Command controlplane prints the folder of the kube-apiserver, kubectl and etcd that the tests run against, and
// builds them first if need be, with its progress on standard error:
//
//	KUBEBUILDER_ASSETS=$(go run ./cmd/controlplane) go test ./...
//
// The tests build them as well when they miss them, but `go test` shows no output before they are through.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/clusterset-dns/zonegen/e2e/internal/assets"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir, err := assets.Dir(ctx, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "controlplane:", err)
		os.Exit(1)
	}
	fmt.Println(dir)
}
