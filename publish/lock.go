package publish

import (
	"errors"
	"os"
	"syscall"
)

// ErrLocked says that another zonegen has the folder. Waiting helps if it is
// about to end, as the old pod of a rollout is.
var ErrLocked = errors.New("another zonegen writes to it")

// lock takes the folder for this open file, until unlock, Close or the end of
// the process. The lock is flock(2) on the folder itself: no file to leave
// behind or to be served, and it is bound to the open file, so that a second
// one in the same process is refused too. It reports false without an error
// where the filesystem has no such locks.
func lock(dir *os.File) (locked bool, err error) {
	err = flock(dir, syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, ErrLocked
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.EINVAL), errors.Is(err, errors.ErrUnsupported):
		return false, nil
	}
	return false, err
}

// unlock gives back what lock took.
func unlock(dir *os.File, locked bool) error {
	if !locked {
		return nil
	}
	return flock(dir, syscall.LOCK_UN)
}

func flock(dir *os.File, how int) error {
	conn, err := dir.SyscallConn()
	if err != nil {
		return err
	}
	var flockErr error
	err = conn.Control(func(fd uintptr) {
		for {
			flockErr = syscall.Flock(int(fd), how)
			if !errors.Is(flockErr, syscall.EINTR) {
				return
			}
		}
	})
	return errors.Join(err, os.NewSyscallError("flock", flockErr))
}
