package multicluster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/transfer"

	"github.com/fsnotify/fsnotify"
)

// patience is how long anything that must happen may take.
const patience = 30 * time.Second

// until waits for a condition.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	look := time.NewTicker(2 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-timeout.C:
			t.Fatalf("after %s still not: %s", patience, what)
		}
	}
}

// watching starts zones without a poll, so that nothing but the watch sees a
// change, and ends them with the test.
func watching(t testing.TB, dir string, names ...string) *zones {
	t.Helper()
	z := &zones{dir: dir, config: new(dnsserver.Config)}
	for _, name := range names {
		z.zones = append(z.zones, newZone(options{zone: name, dir: dir, limits: defaultLimits}))
	}
	z.start()
	t.Cleanup(z.stop)
	return z
}

func serves(t testing.TB, z *zones, serial uint32) {
	t.Helper()
	until(t, "serial "+strconv.Itoa(int(serial))+" is served", func() bool {
		s := z.zones[0].current.Load()
		return s != nil && s.serial() == serial
	})
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// TestWatch follows a folder through all that can happen to it.
func TestWatch(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "deep", "zones")
	z := watching(t, dir, clusterset)
	const file = "db.clusterset.local"

	// It does not exist yet; then it is made, one folder after the other.
	must(t, os.Mkdir(filepath.Join(base, "deep"), 0o700), os.Mkdir(dir, 0o700))
	put(t, dir, file, zoneFile(clusterset, 1))
	serves(t, z, 1)

	// A file is renamed into it, as zonegen does.
	put(t, dir, file, zoneFile(clusterset, 2))
	serves(t, z, 2)

	// A file is written in place.
	must(t, os.WriteFile(filepath.Join(dir, file), []byte(zoneFile(clusterset, 3)), 0o600))
	serves(t, z, 3)

	// The folder is replaced.
	must(t, os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700))
	put(t, dir, file, zoneFile(clusterset, 4))
	serves(t, z, 4)

	// It goes and comes back as it was.
	must(t, os.Rename(dir, dir+".away"), os.Rename(dir+".away", dir))
	put(t, dir, file, zoneFile(clusterset, 5))
	serves(t, z, 5)

	// A folder above is replaced.
	must(t, os.Rename(filepath.Join(base, "deep"), filepath.Join(base, "old")), os.MkdirAll(dir, 0o700))
	put(t, dir, file, zoneFile(clusterset, 6))
	serves(t, z, 6)

	// All of it is removed and made again.
	must(t, os.RemoveAll(filepath.Join(base, "deep")), os.MkdirAll(dir, 0o700))
	put(t, dir, file, zoneFile(clusterset, 7))
	serves(t, z, 7)

	// It becomes a link to a folder, and to another.
	for i, name := range []string{"a", "b"} {
		target := filepath.Join(base, name)
		must(t, os.Mkdir(target, 0o700))
		put(t, target, file, zoneFile(clusterset, uint32(8+2*i)))
		must(t, os.Symlink(target, dir+".link"), os.RemoveAll(dir+".gone"))
		must(t, os.Rename(dir, dir+".gone"), os.Rename(dir+".link", dir))
		serves(t, z, uint32(8+2*i))
		put(t, target, file, zoneFile(clusterset, uint32(9+2*i)))
		serves(t, z, uint32(9+2*i))
	}
}

// TestWatchConfigMap follows a mounted ConfigMap through updates, as the kubelet
// makes them: each file is a link into ..data, which is a link that is replaced.
func TestWatchConfigMap(t *testing.T) {
	dir := t.TempDir()
	version := func(serial uint32) {
		folder := "..2026_11_22_" + strconv.Itoa(int(serial))
		must(t, os.Mkdir(filepath.Join(dir, folder), 0o700))
		const content = "$ORIGIN x.clusterset.local.\n@ 5 A 192.0.2.1\n"
		put(t, filepath.Join(dir, folder), "db.clusterset.local", zoneFile(clusterset, serial, "$INCLUDE "+chunkOf(content)))
		put(t, filepath.Join(dir, folder), chunkOf(content), content)
		must(t, os.Symlink(folder, filepath.Join(dir, "..data_tmp")), os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		for _, name := range []string{"db.clusterset.local", chunkOf(content)} {
			if err := os.Symlink("..data/"+name, filepath.Join(dir, name)); err != nil && !errors.Is(err, os.ErrExist) {
				t.Fatal(err)
			}
		}
		for i := range serial {
			must(t, os.RemoveAll(filepath.Join(dir, "..2026_11_22_"+strconv.Itoa(int(i)))))
		}
	}
	version(1)
	z := watching(t, dir, clusterset)
	for serial := uint32(1); serial < 20; serial++ {
		serves(t, z, serial)
		version(serial + 1)
	}
}

// TestWatchManyZones: a zone is not held up by one that does not load.
func TestWatchManyZones(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1))
	z := watching(t, dir, clusterset, "in-addr.arpa.", "ip6.arpa.")
	z.startupTimeout = time.Millisecond
	z.wait(time.Now()) // returns although not all can load
	serves(t, z, 1)
	ready := (&Multicluster{zones: z}).Ready
	if ready() {
		t.Error("it is ready")
	}
	put(t, dir, "db.in-addr.arpa", zoneFile("in-addr.arpa.", 1))
	put(t, dir, "db.ip6.arpa", zoneFile("ip6.arpa.", 1))
	until(t, "it is ready", ready)
	must(t, os.RemoveAll(dir), os.Mkdir(dir, 0o700))
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 2))
	serves(t, z, 2)
	if !ready() {
		t.Error("it is no more ready")
	}
}

// TestPoll: what the watch does not see is seen by the poll.
func TestPoll(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(t.TempDir(), "zone")
	must(t, os.Symlink(target, filepath.Join(dir, "db.clusterset.local")))
	z := &zones{dir: dir, config: new(dnsserver.Config), poll: 5 * time.Millisecond, zones: []*fileZone{newZone(options{zone: clusterset, dir: dir, limits: defaultLimits})}}
	z.start()
	t.Cleanup(z.stop)
	put(t, filepath.Dir(target), "zone", zoneFile(clusterset, 1))
	serves(t, z, 1)
	put(t, filepath.Dir(target), "zone", zoneFile(clusterset, 2))
	serves(t, z, 2)
}

// looking runs a watcher until stop is called, which takes the hints that nobody waits for.
func looking(t *testing.T, w *watcher, hints <-chan struct{}) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.run(ctx)
	}()
	return func() {
		cancel()
		for over := false; !over; {
			select {
			case <-hints:
			case <-done:
				over = true
			}
		}
	}
}

// TestNoWatch: without inotify the files are looked at, and that is said once.
func TestNoWatch(t *testing.T) {
	lines := logged(t)
	dir := t.TempDir()
	hints := make(chan struct{})
	w := newWatcher(dir, 5*time.Millisecond, func() { hints <- struct{}{} })
	w.open = func() (*fsnotify.Watcher, error) { return nil, errors.New("too many open files") }
	stop := looking(t, w, hints)
	for range 10 {
		<-hints
	}
	stop()
	want := "[WARNING] plugin/multicluster: " + dir + " cannot be watched: too many open files; it is looked at every 5ms instead\n"
	if got := lines(); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 1 {
		t.Errorf("logged\n%s", got)
	}
}

// TestNoPollButNoWatch: with `reload 0`, a folder that cannot be watched is looked at
// all the same.
func TestNoPollButNoWatch(t *testing.T) {
	lines := logged(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var looked []time.Time
		w := newWatcher(t.TempDir(), 0, func() { looked = append(looked, time.Now()) })
		w.open = func() (*fsnotify.Watcher, error) { return nil, errors.New("too many open files") }
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.run(ctx)
		}()
		time.Sleep(3*defaultPoll + 1)
		cancel()
		<-done
		if len(looked) != 4 || looked[1].Sub(looked[0]) != defaultPoll {
			t.Errorf("it is looked at %v", looked)
		}
	})
	if got := lines(); !strings.Contains(got, "every 30s instead") {
		t.Errorf("logged\n%s", got)
	}
}

// TestWatchAgain: a folder that could not be watched is, as soon as it can be, and then
// the poll that stood in for it is over.
func TestWatchAgain(t *testing.T) {
	lines := logged(t)
	dir := t.TempDir()
	hints := make(chan struct{})
	w := newWatcher(dir, 5*time.Millisecond, func() { hints <- struct{}{} })
	const attempts = 5
	tried := 0
	w.open = func() (*fsnotify.Watcher, error) {
		if tried++; tried < attempts {
			return nil, os.NewSyscallError("inotify_init1", syscall.EMFILE)
		}
		w.poll = 0 // from now on, nothing but the watch sees a change
		return fsnotify.NewWatcher()
	}
	stop := looking(t, w, hints)
	for range attempts {
		<-hints
	}
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1))
	select {
	case <-hints:
	case <-time.After(patience):
		t.Error("the change is not seen")
	}
	stop()
	got := lines()
	for _, want := range []string{
		"[WARNING] plugin/multicluster: " + dir + " cannot be watched: inotify_init1: too many open files (this user's inotify instances, or the files that it may have open, ran out: raise sysctl fs.inotify.max_user_instances, or ulimit -n); it is looked at every 5ms instead\n",
		"[INFO] plugin/multicluster: " + dir + " is watched again\n",
	} {
		if strings.Count(got, want) != 1 || strings.Count(got, "\n") != 2 {
			t.Errorf("logged\n%s\nwant\n%s", got, want)
		}
	}
}

// TestNoNotifyAfterTheEnd: what was still to be told is dropped.
func TestNoNotifyAfterTheEnd(t *testing.T) {
	z := watching(t, t.TempDir(), clusterset)
	z.notifier.transfer = new(transfer.Transfer)
	z.notifier.changed(clusterset)
	if len(z.notifier.pending) != 1 {
		t.Errorf("pending: %v", z.notifier.pending)
	}
	z.stop()
	z.notifier.changed(clusterset)
	if len(z.notifier.pending) != 0 {
		t.Errorf("pending: %v", z.notifier.pending)
	}
}

// TestEverythingEnds: nothing is left of instances that have ended.
func TestEverythingEnds(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "db.clusterset.local", zoneFile(clusterset, 1))
	once := func() {
		z := &zones{dir: dir, config: new(dnsserver.Config), poll: time.Millisecond, startupTimeout: patience}
		z.zones = []*fileZone{newZone(options{zone: clusterset, dir: dir, limits: defaultLimits})}
		z.start()
		z.wait(time.Now())
		z.stop()
		z.stop()
	}
	once() // what stays for ever comes with the first
	goroutines, fds := runtime.NumGoroutine(), openFiles(t, "")
	for range 50 {
		once()
	}
	until(t, "no goroutine is left", func() bool { return runtime.NumGoroutine() <= goroutines })
	if n := openFiles(t, ""); n > fds {
		t.Errorf("%d files are open, not %d", n, fds)
	}
	if got := valueOf(t, "zone_serial", clusterset); got != -1 {
		t.Errorf("there is still a metric: %v", got)
	}
}

// openFiles is the number of this process' file descriptors whose target holds a
// word.
func openFiles(t testing.TB, word string) int {
	t.Helper()
	const fds = "/proc/self/fd"
	files, err := os.ReadDir(fds)
	if err != nil {
		return 0 // no Linux
	}
	n := 0
	for _, f := range files {
		if target, err := os.Readlink(filepath.Join(fds, f.Name())); err == nil && strings.Contains(target, word) {
			n++
		}
	}
	return n
}

// TestConcerns looks at what happens in the folder: a file that zonegen is writing is
// nothing yet, and all others may be those of a zone.
func TestConcerns(t *testing.T) {
	dir := t.TempDir()
	w := newWatcher(dir, 0, func() {})
	for name, want := range map[string]bool{
		".zonegen-01.tmp":      false,
		"db.clusterset.local":  true,
		"..data":               true,
		".included":            true,
		"chunk-0123":           true,
		"sub/.zonegen-01.tmp":  false,
		"sub/db.another.local": false,
	} {
		if got := w.concerns(fsnotify.Event{Name: filepath.Join(dir, name), Op: fsnotify.Create}); got != want {
			t.Errorf("an event of %s concerns: %t, want %t", name, got, want)
		}
	}
}
