package e2e

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// output keeps what a program prints and passes it on to the log of the test.
type output struct {
	log  io.Writer
	name string

	mu     sync.Mutex
	kept   bytes.Buffer
	line   []byte // not yet logged, because its end is missing
	racing bool
}

// raceReport begins a report of Go's race detector.
var raceReport = []byte("WARNING: DATA RACE")

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Write(b)
	o.line = append(o.line, b...)
	for {
		line, rest, found := bytes.Cut(o.line, []byte("\n"))
		if !found {
			return len(b), nil
		}
		o.racing = o.racing || bytes.Contains(line, raceReport)
		fmt.Fprintf(o.log, "%s| %s\n", o.name, line)
		o.line = rest
	}
}

// flush logs a last line without end.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.line) > 0 {
		fmt.Fprintf(o.log, "%s| %s\n", o.name, o.line)
		o.line = nil
	}
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.kept.String()
}

func (o *output) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept.Reset()
}

func (o *output) raced() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.racing
}
