package check

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
)

// TestLines checks that each record is found where it begins: each owner has the
// number of its line.
func TestLines(t *testing.T) {
	const main = `; a comment
l2 5 TXT a ; a comment ( "
	  ; another

l5 5 TXT "a
b;(\" \\" ; over two lines
l7 5 TXT ( a ; )
 b ) c
l9 5 IN SOA a b ( 1 2
	3
	4 5 )
(
)l12 5 TXT a
$TTL 7 ; a comment
$ORIGIN b.example.
l16 TXT a\;b \"
$INCLUDE one two.example. ; a comment
l18 TXT a` + "\r\nl19 TXT \"\r\n\" \\\\\r\n" + `l21 TXT \\
(; a comment
l22 TXT a )
$INCLUDE one
; the end
l26 TXT a`
	const one = "\n(\n\n)l2 TXT a\nl5 TXT b"
	got := ""
	z, err := Read(strings.NewReader(main), Source{Name: "zones/main", Origin: "example.", Include: func(name string) (io.ReadCloser, error) {
		if name != "one" {
			return nil, os.ErrNotExist
		}
		return io.NopCloser(iotest.OneByteReader(strings.NewReader(one))), nil
	}})
	if err != nil || z.Unreadable != nil {
		t.Fatal(err, z.Unreadable)
	}
	for _, r := range z.Records {
		owner, _, _ := strings.Cut(r.RR.Header().Name, ".")
		if want := fmt.Sprintf("l%d", r.Line); owner != want {
			t.Errorf("%s: found in line %d of %s", r.RR, r.Line, r.File)
		}
		got += strings.TrimPrefix(r.File, "zones/") + ":" + owner + " "
	}
	const want = "main:l2 main:l5 main:l7 main:l9 main:l12 main:l16 one:l2 one:l5 main:l18 main:l19 main:l21 main:l22 one:l2 one:l5 main:l26 "
	if got != want {
		t.Errorf("records %s\nwant    %s", got, want)
	}
}

// TestIncludeStaysInFolder tries what a text golden cannot hold: links and special
// files.
func TestIncludeStaysInFolder(t *testing.T) {
	base := t.TempDir()
	folder := filepath.Join(base, "zones")
	write(t, filepath.Join(base, "outside"), []byte("secret.svc 5 A 10.0.0.1\n"))
	write(t, filepath.Join(folder, "..data", "chunk"), []byte("a.b.svc 5 A 10.0.0.1\n"))
	for _, link := range [][2]string{{"../outside", "link"}, {"outside-link", "link2"}, {filepath.Join(base, "outside"), "absolute"}, {"..data/chunk", "chunk"}, {"../outside", "outside-link"}} {
		if err := os.Symlink(link[0], filepath.Join(folder, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(folder, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"link": "path escapes", "link2": "path escapes", "absolute": "path escapes", "fifo": "no regular file", "..data": "no regular file", "chunk": "",
	} {
		file := filepath.Join(folder, "db.example")
		write(t, file, []byte("$INCLUDE "+name+"\n"))
		z, err := ReadFile(file, "")
		switch {
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case want == "" && (z.Unreadable != nil || len(z.Records) != 1):
			t.Errorf("%s: %d records, %v", name, len(z.Records), z.Unreadable)
		case want != "" && (z.Unreadable == nil || z.Unreadable.Rule != RuleInclude || !strings.Contains(z.Unreadable.Message, want) || len(z.Records) > 0):
			t.Errorf("%s: %d records, %v, want a finding of %q", name, len(z.Records), z.Unreadable, want)
		}
	}
}

// TestSize reads zones at and above the limit, in one file and in many.
func TestSize(t *testing.T) {
	include := func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader("a.b.svc 5 A 10.0.0.1\n")), nil
	}
	for _, test := range []struct {
		text  string
		limit int64
		fits  bool
	}{
		{"a.b.svc 5 A 10.0.0.1\n", 21, true},
		{"a.b.svc 5 A 10.0.0.1\n", 20, false},
		{"$INCLUDE chunk\n", 15 + blockSize - 1, false},
		{strings.Repeat("$INCLUDE chunk\n", 3), 3 * (15 + 21 + blockSize), true},
		{strings.Repeat("$INCLUDE chunk\n", 3), 3*(15+21+blockSize) - 1, false},
	} {
		z, err := read(strings.NewReader(test.text), Source{Name: "db.example", Origin: "example.", Include: include}, test.limit)
		if err != nil {
			t.Fatal(err)
		}
		if fits := z.Unreadable == nil; fits != test.fits || !fits && z.Unreadable.Rule != RuleSize {
			t.Errorf("%q with a limit of %d: %v", test.text, test.limit, z.Unreadable)
		}
	}
}

// counter counts what is read.
type counter struct {
	in   io.Reader
	read int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.read += n
	return n, err
}

// TestEndless reads what has no end: it is let go soon, and the line is told in which it begins.
func TestEndless(t *testing.T) {
	const good = "@ 5 A 10.0.0.1\n\n"
	endless := func(text string) *counter {
		return &counter{in: io.MultiReader(strings.NewReader(good+text), io.LimitReader(repeated('\n'), 1<<30))}
	}
	line := func(text string) *counter {
		return &counter{in: io.MultiReader(strings.NewReader(good+text), io.LimitReader(repeated('a'), 1<<30))}
	}
	for name, in := range map[string]*counter{
		"an open quote": endless(`x 5 TXT "`), "an open parenthesis": endless("x 5 TXT ("), "a parenthesis alone": endless("("),
		"words": line("x 5 TXT "), "a name": line(""), "a comment": line(";"), "one with a comment before": line(";\r;"),
	} {
		z, err := Read(in, Source{Name: "db.example", Origin: "example."})
		if err != nil {
			t.Fatal(err)
		}
		if u := z.Unreadable; u == nil || u.Rule != RuleSize || u.Line != 3 || !strings.Contains(u.Message, "1 MiB") {
			t.Errorf("%s: %v", name, u)
		}
		if in.read > 2<<20 {
			t.Errorf("%s: %d octets were read", name, in.read)
		}
	}
}

// repeated is one octet without end.
type repeated byte

func (r repeated) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

// closeCounter counts the files that are open.
type closeCounter struct {
	io.Reader
	open *int
}

func (c closeCounter) Close() error { *c.open--; return nil }

// TestReadErrors checks that an error of the reader is an error, wherever it comes,
// and that no included file stays open.
func TestReadErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	fails := func(text string) io.Reader {
		return io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
	}
	open := 0
	for _, texts := range [][2]string{
		{"", ""},
		{"a 5 A 10.0", ""},
		{"a 5 TXT \"b", ""},
		{"a 5 A 10.0.0.1\n", ""},
		{"a 5 A 10.0.0.1 ; com", ""},
		{"$INCLUDE chunk\n", "a 5 A 10.0"},
		{"$INCLUDE chunk\n", ""},
	} {
		main := fails(texts[0])
		if strings.HasPrefix(texts[0], "$") {
			main = strings.NewReader(texts[0])
		}
		_, err := Read(main, Source{Name: "db.example", Origin: "example.", Include: func(string) (io.ReadCloser, error) {
			open++
			return closeCounter{fails(texts[1]), &open}, nil
		}})
		if !errors.Is(err, broken) {
			t.Errorf("%q: %v", texts, err)
		}
	}
	for _, text := range []string{"$INCLUDE a\n$INCLUDE a\n", "$INCLUDE a\nnonsense\n", "$INCLUDE b\n", "$INCLUDE c\n$INCLUDE a\n"} {
		if _, err := Read(strings.NewReader(text), Source{Name: "db.example", Origin: "example.", Include: func(name string) (io.ReadCloser, error) {
			open++
			return closeCounter{strings.NewReader(map[string]string{"a": "a 5 A 10.0.0.1", "b": "$INCLUDE c\n", "c": "$INCLUDE a\nnonsense"}[name]), &open}, nil
		}}); err != nil {
			t.Error(err)
		}
	}
	if open != 0 {
		t.Errorf("%d files are still open", open)
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "gone"), ""); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := ReadFile(t.TempDir(), ""); err == nil {
		t.Error("a folder: no error")
	}
}

// TestParseErrorIsShort checks that a word of any length makes no line of any
// length.
func TestParseErrorIsShort(t *testing.T) {
	for _, text := range []string{"a 5 A " + strings.Repeat("1", 1<<20), "a 5 TXT \x1b[2J (", strings.Repeat("é", 1<<16)} {
		z, err := Read(strings.NewReader(text), Source{Name: "db.example", Origin: "example."})
		if err != nil || z.Unreadable == nil || len(z.Unreadable.String()) > 400 {
			t.Errorf("%.20q: %v, %v", text, z.Unreadable, err)
		}
	}
}

// TestSourceReads checks that the parser could as well take more than single bytes.
func TestSourceReads(t *testing.T) {
	const text = "a 5 A 10.0.0.1\nb 5 A 10.0.0.1\n"
	s := (&tracker{left: maxText}).newSource("db.example", io.NopCloser(strings.NewReader(text)))
	if err := iotest.TestReader(s, []byte(text)); err != nil {
		t.Error(err)
	}
}
