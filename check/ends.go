package check

import (
	"bytes"
	"fmt"
	"io"
)

// zonegen's files have a first and a last line by which a copy of one can be told
// that is not complete.
const firstLine = "; Written by zonegen"

func lastLine(serial uint32) string { return fmt.Sprintf("; End of serial %d\n", serial) }

// ends keeps the first and the last bytes that were read.
type ends struct {
	in   io.Reader
	head []byte
	tail []byte
}

// tailSize is more than the last line has.
const tailSize = 64

func (e *ends) Read(p []byte) (int, error) {
	n, err := e.in.Read(p)
	if missing := len(firstLine) - len(e.head); missing > 0 {
		e.head = append(e.head, p[:min(n, missing)]...)
	}
	e.tail = append(e.tail, p[max(0, n-tailSize):n]...)
	e.tail = e.tail[max(0, len(e.tail)-tailSize):]
	return n, err
}

// areOf reports whether they are those of a whole file with this serial, or of one
// that is not zonegen's.
func (e *ends) areOf(serial uint32) bool {
	return string(e.head) != firstLine || bytes.HasSuffix(e.tail, []byte("\n"+lastLine(serial)))
}
