package watch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
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

// values returns the JSON values that the document consists of, or the document
// itself if it is YAML. Values before an error are returned too.
func (d document) values() ([]document, *documentError) {
	if bytes.HasPrefix(bytes.TrimSpace(d.source), []byte("{")) {
		values, err := d.jsonValues()
		if err == nil || len(values) > 0 {
			return values, err
		}
		// YAML has maps in braces too.
		if doc, yamlErr := d.fromYAML(); yamlErr == nil {
			return []document{doc}, nil
		}
		return nil, err
	}
	doc, err := d.fromYAML()
	if err != nil {
		return nil, err
	}
	return []document{doc}, nil
}

// jsonValues reads the document as JSON values one after the other.
func (d document) jsonValues() (values []document, _ *documentError) {
	decoder := json.NewDecoder(bytes.NewReader(d.source))
	for {
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		at := decoder.InputOffset()
		if err != nil {
			if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
				at = syntax.Offset
			} else if errors.Is(err, io.ErrUnexpectedEOF) {
				at = int64(len(d.source))
			}
			return values, &documentError{line: d.lineOf(at), exact: true, err: err}
		}
		values = append(values, document{line: d.lineOf(at - int64(len(raw))), source: raw, json: raw})
	}
}

// lineOf returns the line of the file for an offset in the source.
func (d document) lineOf(offset int64) int {
	return d.line + bytes.Count(d.source[:min(offset, int64(len(d.source)))], []byte("\n"))
}

// maxYAML is the largest YAML document in bytes. While it is read it can take a
// hundred times as much memory; JSON takes little more than its size.
const maxYAML = 16 << 20

var yamlLine = regexp.MustCompile(`^(?:unmarshal errors:\s*)?line (\d+): `)

// fromYAML converts the document, as kubectl does, except that a key that stands
// twice in a map is an error.
func (d document) fromYAML() (document, *documentError) {
	if len(d.source) > maxYAML {
		err := fmt.Errorf("it is larger than %d MiB: split it, or write it as JSON", maxYAML>>20)
		return document{}, &documentError{line: d.line, err: err}
	}
	if err := checkAliases(d.source); err != nil {
		return document{}, &documentError{line: d.line, err: err}
	}
	var err error
	d.json, err = yaml.YAMLToJSONStrict(d.source)
	if err != nil && bytes.Contains(d.source, []byte("<<")) {
		// The strict parser takes a key that overrides a merged one for a
		// repetition.
		d.json, err = yaml.YAMLToJSON(d.source)
	}
	if err == nil {
		return d, nil
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	out := &documentError{line: d.line, err: errors.New(oneLine(text))}
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			out.line, out.exact = d.line+n-1, true
			out.err = errors.New(oneLine(text[len(m[0]):]))
		}
	}
	return document{}, out
}
