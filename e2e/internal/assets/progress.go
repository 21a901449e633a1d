package assets

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// maxTail is how many lines of the go command's own words an error repeats.
const maxTail = 40

// progress reads what `go build -v` says and sums it up in a line now and then.
type progress struct {
	log   io.Writer
	start time.Time

	mu         sync.Mutex
	partial    []byte // a line without its end yet
	total      int    // packages there are; those in Go's build cache are not compiled again
	compiled   int
	downloaded int
	last       string
	tail       []string // lines that are no progress: warnings and errors
}

func newProgress(log io.Writer) *progress {
	return &progress{log: log, start: time.Now()}
}

// Write takes the go command's standard error.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.partial = append(p.partial, b...)
	for {
		line, rest, found := bytes.Cut(p.partial, []byte("\n"))
		if !found {
			return len(b), nil
		}
		p.partial = rest
		p.line(string(line))
	}
}

// line sorts one line. `go build -v` prints a package's path, and nothing else, when it begins to compile it.
func (p *progress) line(line string) {
	if module, ok := strings.CutPrefix(line, "go: downloading "); ok {
		p.downloaded++
		p.last = module
		return
	}
	if line != "" && !strings.ContainsAny(line, " \t:") {
		p.compiled++
		p.last = line
		return
	}
	p.tail = append(p.tail, line)
	if len(p.tail) > maxTail {
		p.tail = p.tail[1:]
	}
}

func (p *progress) setTotal(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total = n
}

func (p *progress) elapsed() time.Duration { return time.Since(p.start).Round(time.Second) }

// printf prints a line of our own, not one of the go command's.
func (p *progress) printf(format string, args ...any) {
	line := fmt.Sprintf("controlplane: "+format+"\n", args...)
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = io.WriteString(p.log, line)
}

// String tells where the build is.
func (p *progress) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.total == 0:
		return fmt.Sprintf("%d modules downloaded, now %s", p.downloaded, p.last)
	case p.compiled == 0:
		return fmt.Sprintf("none of %d packages had to be compiled so far", p.total)
	}
	return fmt.Sprintf("%d of at most %d packages compiled, now %s", p.compiled, p.total, p.last)
}

// every prints where the build is at that interval, until the function it returns is called.
func (p *progress) every(interval time.Duration) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.printf("%s: %s", p.elapsed(), p)
			case <-done:
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// failed is the error of a go command together with what it said.
func (p *progress) failed(what string, err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Errorf("%s: %w\n%s", what, err, strings.Join(p.tail, "\n"))
}
