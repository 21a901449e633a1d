// Package assets provides the kube-apiserver, kubectl and etcd that the tests run against. They are built from the Go
// module proxy, by the pins of the module in e2e/controlplane, so that a test run needs no container and no download
// from elsewhere.
//
// A built folder is never changed: its name carries the hash of everything that decides what is in it, and it appears
// by rename, complete or not at all.
package assets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// EnvDir is the variable by which envtest's own tools pass a folder of binaries. If it is set, nothing is built.
const EnvDir = "KUBEBUILDER_ASSETS"

// interval is the time between two lines of progress.
const interval = 10 * time.Second

// names are the binaries of a complete folder, as envtest looks for them.
var names = []string{"etcd", "kube-apiserver", "kubectl"}

// Dir returns the folder that holds the binaries. If they have not been built yet it builds them, which takes
// minutes, and writes a line of progress to log every ten seconds. Any number of processes may call it at the same
// time: one builds, the others wait.
func Dir(ctx context.Context, log io.Writer) (string, error) {
	if dir := os.Getenv(EnvDir); dir != "" {
		if err := complete(dir); err != nil {
			return "", fmt.Errorf("%s does not hold a control plane; unset it to have one built: %w", EnvDir, err)
		}
		return dir, nil
	}
	module, err := moduleDir(ctx)
	if err != nil {
		return "", err
	}
	b, err := newBuild(ctx, module)
	if err != nil {
		return "", err
	}
	dir, err := cacheDir(b.key)
	if err != nil {
		return "", err
	}
	if complete(dir) == nil {
		return dir, nil
	}
	if err := install(ctx, dir, log, func(tmp string) error { return b.run(ctx, tmp, log) }); err != nil {
		return "", fmt.Errorf("building the control plane of %s: %w", module, err)
	}
	return dir, nil
}

// complete tells whether all binaries are in dir.
func complete(dir string) error {
	var errs []error
	for _, name := range names {
		_, err := os.Stat(filepath.Join(dir, name))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func cacheDir(key string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no folder to keep the control plane in; set XDG_CACHE_HOME or %s: %w", EnvDir, err)
	}
	return filepath.Join(cache, "zonegen", "controlplane", key), nil
}
