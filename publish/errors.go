package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// fail says of an error of package os which call failed on which path, why, and
// what mends it. The names in err are left out: they are relative to the
// folder, or the temporary file's.
func fail(path, folder string, err error) error {
	call, cause := "use", err
	var onPath *fs.PathError
	var onTwo *os.LinkError
	var onFile *os.SyscallError
	switch {
	case errors.As(err, &onPath):
		call, cause = onPath.Op, onPath.Err
	case errors.As(err, &onTwo):
		call, cause = onTwo.Op, onTwo.Err
	case errors.As(err, &onFile):
		call, cause = onFile.Syscall, onFile.Err
	}
	if !strings.HasSuffix(call, "stat") {
		call = strings.TrimSuffix(call, "at") // openat
	}
	if mend := folderRemedy(call, cause, folder); mend != "" {
		return fmt.Errorf("%s %s: %w; %s", call, path, cause, mend)
	}
	return fmt.Errorf("%s %s: %w", call, path, cause)
}

// folderRemedy says what the operator can do about a failed call in a folder.
func folderRemedy(call string, err error, folder string) string {
	switch {
	case strings.HasSuffix(call, "chown") && errors.Is(err, fs.ErrPermission):
		return "only root (CAP_CHOWN) may give a file away: run as root, or leave out --file-owner"
	case strings.HasSuffix(call, "chmod") && errors.Is(err, fs.ErrPermission):
		return "only its owner and root may change a file's mode: run as one of them"
	case errors.Is(err, syscall.ENOSPC):
		return "free space on the filesystem of " + folder + ": a new file needs room beside the old one"
	case errors.Is(err, syscall.EDQUOT):
		return "raise the disk quota for " + folder
	case errors.Is(err, syscall.EROFS):
		return "mount " + folder + " writable"
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("let user %d write to %s", os.Geteuid(), folder)
	case errors.Is(err, syscall.EFBIG):
		return "raise the limit of file sizes (ulimit -f)"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return "raise the limit of open files (ulimit -n)"
	case errors.Is(err, syscall.EIO):
		return "look for errors of the disk in the kernel's log"
	case errors.Is(err, syscall.ENOTDIR):
		return "give --zone-dir a folder"
	case errors.Is(err, syscall.EISDIR), errors.Is(err, fs.ErrExist):
		return "remove what is there"
	}
	return ""
}
