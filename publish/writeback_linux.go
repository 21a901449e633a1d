package publish

import (
	"os"
	"syscall"
)

// startWriteback asks the kernel to begin with putting a part of a file on disk.
// It is a hint: its errors do not matter, since the fsync(2) that follows
// reports whatever went wrong with the data.
func startWriteback(file *os.File, offset, length int64) {
	const start = 2 // SYNC_FILE_RANGE_WRITE, which neither waits nor takes errors away
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_ = syscall.SyncFileRange(int(fd), offset, length, start)
	})
}
