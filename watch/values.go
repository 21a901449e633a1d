package watch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

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
