package publish

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"

	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// headSize is how much of a file is searched for its SOA. Ours begin with it;
// others may have a long comment first.
const headSize = 1 << 20

// found is what a file holds.
type found struct {
	info   fs.FileInfo
	serial uint32 // of its SOA; 0: it has none that a server would load for this zone
	ours   bool   // it begins as our files do
	same   bool   // it is the wanted snapshot with that serial, byte for byte
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
	if f.serial, err = soaSerial(file, want.Origin()); err != nil {
		return found{}, err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return found{}, err
	}
	text := want.Buffers(f.serial)
	r := bufio.NewReaderSize(file, writeSize)
	firstLine, _, _ := bytes.Cut(text[0], []byte("\n"))
	start, err := r.Peek(len(firstLine))
	if err != nil && !errors.Is(err, io.EOF) {
		return found{}, err
	}
	f.ours = bytes.Equal(start, firstLine)
	if f.serial != 0 && f.info.Size() == size(text) {
		f.same, err = sameBytes(r, text)
		return f, err
	}
	return f, nil
}

// soaSerial returns the serial of the SOA that text begins with, 0 if it begins
// with anything else. The error is the reader's.
func soaSerial(text io.Reader, origin string) (uint32, error) {
	head := &failing{r: io.LimitReader(text, headSize)}
	parser := dns.NewZoneParser(head, origin, "")
	parser.SetDefaultTTL(0) // a file without $TTL is a zone file too
	rr, _ := parser.Next()
	if head.err != nil {
		return 0, head.err
	}
	soa, ok := rr.(*dns.SOA)
	if !ok || dns.CanonicalName(soa.Hdr.Name) != dns.CanonicalName(origin) {
		return 0, nil
	}
	return soa.Serial, nil
}

// failing keeps the error of a reader, which the zone parser takes for an end.
type failing struct {
	r   io.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
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
