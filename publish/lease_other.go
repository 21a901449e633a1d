//go:build !linux

package publish

import (
	"errors"
	"os"
)

// lease and inMemory are for Linux only.

func lease(*os.File, int) error { return errors.ErrUnsupported }

func inMemory(*os.File) bool { return false }
