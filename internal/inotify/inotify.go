// Package inotify says what an operator can do when the kernel notifies of no more files.
package inotify

import (
	"errors"
	"fmt"
	"syscall"
)

// Explain adds to an error of fsnotify which limit was reached: its text is that of a
// full disk, or of open files (inotify(7), "/proc interfaces"; inotify_init(2),
// inotify_add_watch(2)). The error wraps err, and is err if there is nothing to add.
func Explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w (this user's inotify watches ran out: raise sysctl fs.inotify.max_user_watches)", err)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w (this user's inotify instances, or the files that it may have open, ran out: raise sysctl fs.inotify.max_user_instances, or ulimit -n)", err)
	}
	return err
}
