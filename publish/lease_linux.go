package publish

import (
	"os"
	"syscall"
)

// lease makes sure that nobody else has a file open, with F_WRLCK, until it is called
// with F_UNLCK: the kernel refuses with EAGAIN if anybody has, and lets who opens it
// then wait (fcntl(2), F_SETLEASE). At the end, EAGAIN says that somebody waited for
// too long. A process is told of those by SIGIO, which Go ignores.
func lease(file *os.File, how int) error {
	conn, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var errno syscall.Errno
	err = conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_SETLEASE, uintptr(how))
	})
	if errno != 0 {
		return os.NewSyscallError("fcntl", errno)
	}
	return err
}

// inMemory reports whether a folder is on tmpfs.
func inMemory(dir *os.File) bool {
	const tmpfs = 0x01021994 // TMPFS_MAGIC of linux/magic.h
	conn, err := dir.SyscallConn()
	if err != nil {
		return false
	}
	var stat syscall.Statfs_t
	var statErr error
	err = conn.Control(func(fd uintptr) { statErr = syscall.Fstatfs(int(fd), &stat) })
	return err == nil && statErr == nil && stat.Type == tmpfs
}
