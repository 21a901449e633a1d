package publish

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"

	"github.com/clusterset-dns/zonegen/zone"
)

// headSize is how much of a file is searched for its SOA, in bytes. Ours begin
// with it; others may have a long comment first.
const headSize = 64 << 10

// found is what a file holds.
type found struct {
	info   fs.FileInfo
	serial uint32 // of its SOA; 0: it does not begin with one, or a server would not load it
	ours   bool   // it begins as our files do
	same   bool   // it is the wanted snapshot with that serial, byte for byte, and on disk
}

// readBack reads the serial of a zone file and compares the rest with a
// snapshot. It takes a constant amount of memory, whatever the file is.
func readBack(root *os.Root, name string, want *zone.Snapshot) (found, error) {
	file, err := root.Open(name)
	if err != nil {
		return found{}, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	var f found
	// Before reading: a later change must show against it.
	if f.info, err = file.Stat(); err != nil {
		return found{}, err
	}
	r := bufio.NewReaderSize(file, headSize)
	head, err := r.Peek(headSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return found{}, err
	}
	want, f.serial = want.Resume(head)
	text := want.Buffers(f.serial)
	firstLine, _, _ := bytes.Cut(text[0], []byte("\n"))
	f.ours = bytes.HasPrefix(head, firstLine)
	if f.serial == 0 || f.info.Size() != size(text) {
		return f, nil
	}
	if f.same, err = sameBytes(r, text); err != nil {
		return found{}, err
	}
	if f.same {
		err = flush(file) // whoever wrote it may not have
	}
	return f, err
}

// sameBytes reports whether r holds exactly text.
func sameBytes(r *bufio.Reader, text net.Buffers) (bool, error) {
	for _, block := range text {
		for len(block) > 0 {
			got, err := r.Peek(min(len(block), r.Size()))
			if errors.Is(err, io.EOF) {
				return false, nil
			}
			if err != nil {
				return false, err
			}
			if !bytes.Equal(got, block[:len(got)]) {
				return false, nil
			}
			block = block[len(got):]
			_, _ = r.Discard(len(got)) // cannot fail: just seen
		}
	}
	_, err := r.Peek(1)
	if errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}

// size returns the number of bytes in text.
func size(text net.Buffers) int64 {
	var n int64
	for _, block := range text {
		n += int64(len(block))
	}
	return n
}
