package inotify

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestExplain(t *testing.T) {
	for err, want := range map[error]string{
		syscall.ENOSPC: "fs.inotify.max_user_watches",
		os.NewSyscallError("inotify_init1", syscall.EMFILE): "fs.inotify.max_user_instances",
		fs.ErrPermission: "permission",
	} {
		got := Explain(err)
		if !errors.Is(got, err) || !strings.HasPrefix(got.Error(), err.Error()) || !strings.Contains(got.Error(), want) {
			t.Errorf("%q, want %q and %q", got, err, want)
		}
	}
}
