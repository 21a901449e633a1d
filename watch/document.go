package watch

import (
	"bytes"
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// document is one document of a manifest, as JSON.
type document struct {
	number int    // from 1; documents without content do not count
	line   int    // of the file, at which source begins
	source []byte // as it stands in the file
	json   []byte
}

// documentError says where in a manifest something is wrong.
type documentError struct {
	document int
	line     int
	exact    bool // else line is where the document begins
	err      error
}

func (e *documentError) Error() string {
	if e.exact {
		return fmt.Sprintf("document %d, line %d: %v", e.document, e.line, e.err)
	}
	return fmt.Sprintf("document %d, which begins at line %d: %v", e.document, e.line, e.err)
}

func (e *documentError) Unwrap() error { return e.err }

// documents yields the documents of a manifest: YAML documents, and any number
// of JSON values in the place of each. The first error is the last thing it
// yields.
func documents(data []byte) iter.Seq2[document, error] {
	return func(yield func(document, error) bool) {
		if err := checkText(data); err != nil {
			yield(document{}, err)
			return
		}
		number := 0
		for chunk := range chunks(bytes.TrimPrefix(data, []byte("\ufeff"))) {
			values, err := chunk.values()
			for _, doc := range values {
				number++
				doc.number = number
				if !yield(doc, nil) {
					return
				}
			}
			if err != nil {
				err.document = number + 1
				yield(document{}, err)
				return
			}
		}
	}
}

// checkText makes sure that data is text.
func checkText(data []byte) error {
	at := bytes.IndexByte(data, 0)
	if at < 0 && utf8.Valid(data) {
		return nil
	}
	what := "a NUL byte"
	if at < 0 {
		for at = 0; ; {
			r, n := utf8.DecodeRune(data[at:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			at += n
		}
		what = fmt.Sprintf("byte %#02x, which is not UTF-8", data[at])
	}
	return fmt.Errorf("line %d: neither YAML nor JSON: there is %s", 1+bytes.Count(data[:at], []byte("\n")), what)
}

// chunks splits a manifest at the lines that begin with the YAML markers ---
// and ..., and leaves out what has no content.
func chunks(data []byte) iter.Seq[document] {
	return func(yield func(document) bool) {
		doc, line := document{line: 1}, 0
		from, at := 0, 0
		flush := func(end int) bool {
			doc.source = data[from:end]
			return !hasContent(doc.source) || yield(doc)
		}
		for row := range bytes.Lines(data) {
			line++
			if marker := markerOf(row); marker != "" {
				if !flush(at) {
					return
				}
				// What follows --- on its line belongs to the document.
				rest := row[len(marker):]
				doc, from = document{line: line}, at+len(row)-len(bytes.TrimLeft(rest, " \t"))
			}
			at += len(row)
		}
		flush(at)
	}
}

// markerOf returns the document marker that a line begins with, if any.
func markerOf(row []byte) string {
	for _, marker := range []string{"---", "..."} {
		if rest, ok := bytes.CutPrefix(row, []byte(marker)); ok && (len(rest) == 0 || strings.ContainsRune(" \t\r\n", rune(rest[0]))) {
			return marker
		}
	}
	return ""
}

// hasContent reports whether there is anything but space, comments and YAML
// directives.
func hasContent(source []byte) bool {
	for row := range bytes.Lines(source) {
		if row = bytes.TrimSpace(row); len(row) > 0 && row[0] != '#' && row[0] != '%' {
			return true
		}
	}
	return false
}
