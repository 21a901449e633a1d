package zone

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// Missing compares a zone file of the same origin, as zonegen has written it, with a
// snapshot: there is how many services the file has records of, and missing are those
// of them that the snapshot has not. A reverse zone has none.
//
// Open opens the file and the chunks that it includes. What is not there
// ([fs.ErrNotExist]) or may not be read ([fs.ErrPermission]) counts as empty.
func (s *Snapshot) Missing(name string, open func(name string) (io.ReadCloser, error)) (there int, missing []Key, err error) {
	if inZone(s.origin, "arpa.") {
		return 0, nil, nil
	}
	c := census{snapshot: s}
	root, err := c.read(name, open)
	if err != nil {
		return 0, nil, err
	}
	for _, chunk := range root { // it includes nothing itself
		if _, err := c.read(chunk, open); err != nil {
			return 0, nil, err
		}
	}
	return c.there, c.missing, nil
}

// census counts the services of files.
type census struct {
	snapshot *Snapshot
	there    int
	missing  []Key
}

// read counts those of one file and returns the chunks that it includes.
func (c *census) read(name string, open func(name string) (io.ReadCloser, error)) (chunks []string, err error) {
	file, err := open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, nil
	case err != nil:
		return nil, err
	}
	defer func() { _ = file.Close() }() // nothing was written
	reader := bufio.NewReader(file)
	for {
		line, err := reader.ReadSlice('\n')
		if chunk, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "$INCLUDE "); ok && IsChunkName(chunk) {
			chunks = append(chunks, chunk)
		}
		c.count(string(line))
		for errors.Is(err, bufio.ErrBufferFull) { // the rest of a line that is none of ours
			_, err = reader.ReadSlice('\n')
		}
		switch {
		case errors.Is(err, io.EOF):
			return chunks, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
}

// count counts a service by the first line of its block.
func (c *census) count(line string) {
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), headlessMark)
	line, isOrigin := strings.CutPrefix(line, "$ORIGIN ")
	line, isService := strings.CutSuffix(line, ".svc."+c.snapshot.origin)
	name, namespace, named := strings.Cut(line, ".") // else it is of a namespace
	if !isOrigin || !isService || !named || !isLabel(name) || !isLabel(namespace) {
		return
	}
	c.there++
	if key := (Key{namespace, name}); !c.snapshot.has(key) {
		c.missing = append(c.missing, key)
	}
}

// has reports whether a forward zone has records of a service.
func (s *Snapshot) has(key Key) bool {
	sorted := orderKey(key.Namespace, key.Name)
	_, found := s.chunks[chunkOf(s.chunks, sorted)].find(sorted)
	return found
}
