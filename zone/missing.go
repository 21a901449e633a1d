package zone

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"strings"
)

// Losses is how the services of a zone file and of a snapshot differ, see
// [Snapshot.Losses].
type Losses struct {
	// There is how many services the file has records of.
	There int
	// Missing are those of them that the snapshot has not.
	Missing []Key
	// Gone are services that the snapshot has only because their loss is held, and
	// the file has not: whoever wrote it knew them no more. There are none if a part
	// of the file is not there.
	Gone []Key
}

// Losses compares a zone file of the same origin, as zonegen has written it, with a
// snapshot. In a reverse zone there are none.
//
// Open opens the file and the chunks that it includes. What is not there
// ([fs.ErrNotExist]) or may not be read ([fs.ErrPermission]) counts as empty.
func (s *Snapshot) Losses(name string, open func(name string) (io.ReadCloser, error)) (Losses, error) {
	if inZone(s.origin, "arpa.") {
		return Losses{}, nil
	}
	c := census{snapshot: s, held: maps.Clone(s.held)}
	root, err := c.read(name, open)
	if err != nil {
		return Losses{}, err
	}
	for _, chunk := range root { // it includes nothing itself
		if _, err := c.read(chunk, open); err != nil {
			return Losses{}, err
		}
	}
	if c.ended && !c.absent {
		for key := range c.held {
			if s.has(key) {
				c.losses.Gone = append(c.losses.Gone, key)
			}
		}
	}
	return c.losses, nil
}

// census counts the services of files.
type census struct {
	snapshot *Snapshot
	losses   Losses
	held     map[Key]struct{} // those of the snapshot that were in no file yet
	absent   bool             // a file was not there
	ended    bool             // the end of a zone file was read
}

// read counts those of one file and returns the chunks that it includes.
func (c *census) read(name string, open func(name string) (io.ReadCloser, error)) (chunks []string, err error) {
	file, err := open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		c.absent = true
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
		c.ended = c.ended || strings.HasPrefix(string(line), EndMark)
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
	key := Key{namespace, name}
	delete(c.held, key)
	c.losses.There++
	if !c.snapshot.has(key) {
		c.losses.Missing = append(c.losses.Missing, key)
	}
}

// has reports whether a forward zone has records of a service.
func (s *Snapshot) has(key Key) bool {
	sorted := orderKey(key.Namespace, key.Name)
	_, found := s.chunks[chunkOf(s.chunks, sorted)].find(sorted)
	return found
}
