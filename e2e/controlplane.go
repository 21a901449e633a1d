package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/clusterset-dns/zonegen/e2e/internal/assets"
)

// controlPlaneDir is the folder of kube-apiserver, etcd and kubectl; the first call builds them if need be.
var controlPlaneDir = sync.OnceValues(func() (string, error) {
	return assets.Dir(context.Background(), os.Stderr)
})

// startAPI starts a control plane with its certificates and its log in dir, so that they outlast a stop.
func startAPI(dir string, crds []*apiextensionsv1.CustomResourceDefinition) (*apiServer, error) {
	binaries, err := controlPlaneDir()
	if err != nil {
		return nil, err
	}
	port, err := pickPort()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the children have it open
	env := &envtest.Environment{
		BinaryAssetsDirectory:    binaries,
		CRDInstallOptions:        envtest.CRDInstallOptions{CRDs: crds, MaxTime: patience},
		ControlPlaneStartTimeout: patience,
		ControlPlaneStopTimeout:  patience,
	}
	env.ControlPlane.Etcd = &envtest.Etcd{Out: log, Err: log}
	a := &apiServer{env: env, dir: dir}
	server := env.ControlPlane.GetAPIServer()
	server.Out, server.Err = log, log
	server.Configure().Disable("disable-admission-plugins") // envtest's default: Pods get no token then
	server.SecureServing.ListenAddr = envtest.ListenAddr{Address: "127.0.0.1", Port: strconv.Itoa(port)}
	server.CertDir = dir
	server.Path = filepath.Join(dir, "kube-apiserver.sh")
	script := fmt.Sprintf("#!/bin/sh\necho $$ >'%s'\nexec '%s/kube-apiserver' \"$@\"\n", a.pidFile(), binaries)
	if err := os.WriteFile(server.Path, []byte(script), 0o755); err != nil {
		return nil, err
	}

	atEnd(func() { _ = a.end() })
	a.mu.Lock()
	a.config, err = env.Start()
	a.mu.Unlock()
	if err != nil {
		return nil, fmt.Errorf("%w\nthe end of its log:\n%s", errors.Join(err, a.end()), tail(log.Name()))
	}
	a.config.QPS = -1 // no limit
	a.WithWatch, err = client.NewWithWatch(a.config, client.Options{Scheme: scheme()})
	return a, err
}

// stop ends the API server as a crash does. Its data stay, in etcd.
//
// It is not asked to end by itself, as envtest does: then it would take a minute while somebody watches.
func (a *apiServer) stop(t testing.TB) {
	t.Helper()
	a.mustBePrivate(t)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.kill(); err != nil {
		t.Fatalf("stopping the API server: %v", err)
	}
}

// start starts a stopped API server on the port it had, and returns when it is healthy.
func (a *apiServer) start(t testing.TB) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.env.ControlPlane.APIServer.Start(); err != nil {
		t.Fatalf("starting the API server again: %v\nthe end of its log:\n%s", err, tail(filepath.Join(a.dir, "log")))
	}
}

// freeze makes the API server hang: from its return until thaw, it takes connections and does not answer.
func (a *apiServer) freeze(t testing.TB) {
	t.Helper()
	a.mustBePrivate(t)
	if err := a.signal(syscall.SIGSTOP); err != nil {
		t.Fatalf("freezing the API server: %v", err)
	}
	eventually(t, "the API server freezes", a.frozen) // each of its threads goes on until it notices
}

// frozen returns nil when all threads of the API server are stopped.
func (a *apiServer) frozen() error {
	pid, err := a.pid()
	if err != nil {
		return err
	}
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(threads) == 0 {
		return fmt.Errorf("no threads of process %d in /proc: %w", pid, err)
	}
	for _, thread := range threads {
		status, err := os.ReadFile(thread)
		if err != nil {
			return err
		}
		if !bytes.Contains(status, []byte("\nState:\tT ")) {
			return fmt.Errorf("%s has no state T", thread)
		}
	}
	return nil
}

// thaw ends a freeze.
func (a *apiServer) thaw(t testing.TB) {
	t.Helper()
	if err := a.signal(syscall.SIGCONT); err != nil {
		t.Fatalf("thawing the API server: %v", err)
	}
}

func (a *apiServer) mustBePrivate(t testing.TB) {
	t.Helper()
	if a.shared {
		t.Fatal("the API server that all tests share is not to be disturbed: use privateAPI")
	}
}

// end ends the API server and etcd. It may be called more than once.
func (a *apiServer) end() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return errors.Join(a.kill(), a.env.Stop())
}

// kill ends the API server only; a.mu is held.
func (a *apiServer) kill() error {
	err := a.signal(syscall.SIGKILL)
	if err != nil && !errors.Is(err, syscall.ESRCH) && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := poll(patience, a.env.ControlPlane.APIServer.Stop); err != nil { // until envtest has noticed
		return err
	}
	return os.RemoveAll(a.pidFile()) // the number may soon be another process's
}

// signal sends a signal to the API server.
func (a *apiServer) signal(sig syscall.Signal) error {
	pid, err := a.pid()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, sig)
}

// pid is the process of the API server. envtest keeps it to itself, so the script by which it is started writes it
// down.
func (a *apiServer) pid() (int, error) {
	text, err := os.ReadFile(a.pidFile())
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func (a *apiServer) pidFile() string { return filepath.Join(a.dir, "pid") }

// address is where the API server listens.
func (a *apiServer) address() string {
	addr := a.env.ControlPlane.APIServer.SecureServing.ListenAddr
	return net.JoinHostPort(addr.Address, addr.Port)
}

// tail returns the end of a file.
func tail(path string) string {
	const most = 4096
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
