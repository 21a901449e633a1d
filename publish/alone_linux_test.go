package publish_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// alone runs the calling test again in a process of its own, with its own mounts,
// in which it is root or believes to be, and returns true and an empty folder
// there. In the first process it returns false when that has passed.
func alone(t *testing.T) (path string, here bool) {
	t.Helper()
	if os.Getenv(childVariable) == t.Name() {
		return os.Getenv(childFolder), true
	}
	path = t.TempDir()
	c := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1")
	c.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", childVariable+"="+t.Name(), childFolder+"="+path)
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		c.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: gid, Size: 1}},
		}
	}
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	return path, false
}
