package e2e

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// atomicVolume is a volume as a kubelet keeps one whose files come from the API: the files are in a folder with a
// timestamp, to which the link ..data points, and what the programs see are links through ..data.
//
// It takes the steps of AtomicWriter in Kubernetes' pkg/volume/util/atomic_writer.go in their order, which programs can
// observe: links to new files come after the new ..data, and links to files that have gone are removed later still.
type atomicVolume struct{ dir string }

const (
	dataLink    = "..data"
	newDataLink = "..data_tmp"
)

// write makes the files those of the payload.
func (v atomicVolume) write(payload map[string]string) error {
	old, err := os.Readlink(filepath.Join(v.dir, dataLink))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	gone, changed, err := v.compare(old, payload)
	if err != nil {
		return err
	}
	if !changed && len(gone) == 0 {
		return v.link(payload)
	}
	folder, err := os.MkdirTemp(v.dir, time.Now().UTC().Format("..2006_01_02_15_04_05."))
	if err != nil {
		return err
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		return err
	}
	for name, text := range payload {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := os.Symlink(filepath.Base(folder), filepath.Join(v.dir, newDataLink)); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(v.dir, newDataLink), filepath.Join(v.dir, dataLink)); err != nil {
		return err
	}
	if err := v.link(payload); err != nil {
		return err
	}
	for _, name := range gone {
		if err := os.Remove(filepath.Join(v.dir, name)); err != nil {
			return err
		}
	}
	if old == "" {
		return nil
	}
	return os.RemoveAll(filepath.Join(v.dir, old))
}

// compare returns the files of a folder that are not in the payload, and whether others are missing or differ.
func (v atomicVolume) compare(folder string, payload map[string]string) (gone []string, changed bool, err error) {
	if folder == "" {
		return nil, true, nil
	}
	entries, err := os.ReadDir(filepath.Join(v.dir, folder))
	if err != nil {
		return nil, false, err
	}
	same := 0
	for _, entry := range entries {
		text, wanted := payload[entry.Name()]
		if !wanted {
			gone = append(gone, entry.Name())
			continue
		}
		held, err := os.ReadFile(filepath.Join(v.dir, folder, entry.Name()))
		if err != nil {
			return nil, false, err
		}
		if bytes.Equal(held, []byte(text)) {
			same++
		}
	}
	return gone, same < len(payload), nil
}

// link makes the links that programs see.
func (v atomicVolume) link(payload map[string]string) error {
	for name := range payload {
		err := os.Symlink(filepath.Join(dataLink, name), filepath.Join(v.dir, name))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
