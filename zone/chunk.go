package zone

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"net"
	"slices"
	"strings"
	"sync"
)

// ChunkPrefix begins the name of every chunk file. It does not hold "db.", by
// which name servers may take a file for a zone.
const ChunkPrefix = "chunk-"

// maxChunkSize is the most that a chunk holds, in bytes: less than a ConfigMap's
// 1 MiB, and enough for any single line.
const maxChunkSize = 512 << 10

// Chunk is a part of a zone in the chunked layout: whole blocks, or a part of a
// large one. It never changes, and is safe for concurrent use.
type Chunk struct {
	// Name is the name of its file: that of [ChunkName] for its content. So a
	// file of that name is the chunk.
	Name string
	// Size is its size in bytes.
	Size    int
	buffers net.Buffers
	include []byte // the line of a root
}

// Buffers returns the chunk's content in pieces that must not be changed.
func (c *Chunk) Buffers() net.Buffers { return slices.Clone(c.buffers) }

// Text yields the pieces of [Chunk.Buffers].
func (c *Chunk) Text() iter.Seq[[]byte] { return slices.Values(c.buffers) }

// Chunked returns the zone in the chunked layout: a root, which has the apex and
// includes the chunks, and the chunks. A change of one service changes the root
// and one chunk, rarely two. The root is a snapshot of its own: write it as such,
// after the chunks.
func (s *Snapshot) Chunked() (root *Snapshot, chunks []*Chunk) {
	n := 0
	for _, c := range s.chunks {
		n += len(c.files())
	}
	chunks = make([]*Chunk, 0, n)
	for _, c := range s.chunks {
		chunks = append(chunks, c.files()...)
	}
	r := *s
	r.chunks, r.includes = nil, chunks
	return &r, chunks
}

// chunkFiles are the files of a chunk, made when they are asked for first.
type chunkFiles struct {
	once  sync.Once
	files []*Chunk
}

// files cuts a chunk, which must be part of a view, into files of at most
// maxChunkSize. Its content alone says where.
func (c *chunk) files() []*Chunk {
	c.cut.once.Do(func() {
		file := new(Chunk)
		finish := func() {
			if file.Size > 0 {
				file.Name = chunkName(file.buffers)
				file.include = []byte("$INCLUDE " + file.Name + "\n")
				c.cut.files = append(c.cut.files, file)
				file = new(Chunk)
			}
		}
		for _, it := range c.items {
			for _, part := range splitBlock(it.block.text) {
				if file.Size+len(part) > maxChunkSize {
					finish()
				}
				file.buffers = append(file.buffers, part)
				file.Size += len(part)
			}
		}
		finish()
	})
	return c.cut.files
}

// ChunkName returns the name of the chunk whose content has this SHA-256: "chunk-" and
// its first 128 bits in hexadecimal digits.
func ChunkName(sum [sha256.Size]byte) string {
	return ChunkPrefix + hex.EncodeToString(sum[:chunkDigits/2])
}

// IsChunkName reports whether a file is named as chunks are.
func IsChunkName(name string) bool {
	digits, ok := strings.CutPrefix(name, ChunkPrefix)
	return ok && len(digits) == chunkDigits && strings.Trim(digits, "0123456789abcdef") == ""
}

const chunkDigits = 32

func chunkName(content net.Buffers) string {
	h := sha256.New()
	for _, b := range content {
		h.Write(b)
	}
	return ChunkName([sha256.Size]byte(h.Sum(nil)))
}

// splitBlock cuts a block that is larger than a chunk at line borders, and
// repeats its $ORIGIN line in each part.
func splitBlock(text []byte) [][]byte {
	if len(text) <= maxChunkSize {
		return [][]byte{text}
	}
	head := text[:bytes.IndexByte(text, '\n')+1]
	var parts [][]byte
	for rest := text[len(head):]; len(rest) > 0; {
		n := len(rest)
		if room := maxChunkSize - len(head); n > room {
			n = bytes.LastIndexByte(rest[:room], '\n') + 1
		}
		parts = append(parts, slices.Concat(head, rest[:n]))
		rest = rest[n:]
	}
	return parts
}
