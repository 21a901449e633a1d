package watch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
)

// fieldPath is the way to a value in a document: map keys (string) and list
// indexes (int).
type fieldPath []any

// String returns the path as Kubernetes writes it: spec.ports[0].port.
func (p fieldPath) String() string {
	var b strings.Builder
	for _, step := range p {
		switch step := step.(type) {
		case string:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
		case int:
			b.WriteString("[" + strconv.Itoa(step) + "]")
		}
	}
	return b.String()
}

// join returns the path that goes on from p along more. p is left as it is.
func (p fieldPath) join(more ...any) fieldPath {
	return append(p[:len(p):len(p)], more...)
}

// pathAt returns the path of the value in a JSON text that ends at offset, or
// whose opening bracket does: what the offset of a [json.UnmarshalTypeError]
// points to.
func pathAt(text []byte, offset int64) fieldPath {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var path fieldPath // the last step is the key or index of the current value
	inMap, wantKey := false, false
	var maps []bool // for each enclosing bracket, whether it is a map
	for {
		token, err := decoder.Token()
		if err != nil {
			return path
		}
		if inMap && wantKey {
			if key, ok := token.(string); ok {
				path[len(path)-1], wantKey = key, false
				continue
			}
		}
		reached := decoder.InputOffset() >= offset
		switch token {
		case json.Delim('{'), json.Delim('['):
			if reached {
				return path
			}
			inMap = token == json.Delim('{')
			maps = append(maps, inMap)
			path, wantKey = path.join(0), inMap
			continue
		case json.Delim('}'), json.Delim(']'):
			maps, path = maps[:len(maps)-1], path[:len(path)-1]
			inMap = len(maps) > 0 && maps[len(maps)-1]
		}
		if reached || len(path) == 0 {
			return path
		}
		// On to the next key or index.
		if index, ok := path[len(path)-1].(int); ok && !inMap {
			path[len(path)-1] = index + 1
		}
		wantKey = inMap
	}
}

// lineAt returns the line in a YAML or JSON text, from 1, at which the value at
// path stands, or where the way there ends.
func lineAt(text []byte, path fieldPath) int {
	var root yamlv3.Node
	if err := yamlv3.Unmarshal(text, &root); err != nil || len(root.Content) == 0 {
		return 1
	}
	node := root.Content[0]
	line := node.Line
	for _, step := range path {
		if node.Kind == yamlv3.AliasNode {
			node = node.Alias
		}
		switch step := step.(type) {
		case string:
			at := -1
			for i := 0; i+1 < len(node.Content) && node.Kind == yamlv3.MappingNode; i += 2 {
				if node.Content[i].Value == step {
					at = i
				}
			}
			if at < 0 {
				return line
			}
			line, node = node.Content[at].Line, node.Content[at+1]
		case int:
			if node.Kind != yamlv3.SequenceNode || step >= len(node.Content) {
				return line
			}
			node = node.Content[step]
			line = node.Line
		}
	}
	return line
}

// aliasLimit is the size in bytes to which a YAML document may grow by aliases.
const aliasLimit = 64 << 20

// checkAliases refuses a document that is small but becomes huge when its
// aliases are replaced by what they stand for. The parser limits how many nodes
// they may become, but not how many bytes.
func checkAliases(text []byte) error {
	if !bytes.ContainsRune(text, '&') || !bytes.ContainsRune(text, '*') {
		return nil
	}
	var root yamlv3.Node
	if err := yamlv3.Unmarshal(text, &root); err != nil {
		return nil // the conversion that follows finds the same, and says it better
	}
	if size, err := expandedSize(&root, map[*yamlv3.Node]int{}); err != nil {
		return err
	} else if size > aliasLimit {
		return fmt.Errorf("its aliases make it larger than %d MiB: write it out", aliasLimit>>20)
	}
	return nil
}

// expandedSize returns the size of a node without aliases, but not much more
// than [aliasLimit]. Sizes already known are in sizes, and -1 for nodes whose
// size is being computed.
func expandedSize(node *yamlv3.Node, sizes map[*yamlv3.Node]int) (int, error) {
	if node.Kind == yamlv3.AliasNode {
		node = node.Alias
	}
	if size, known := sizes[node]; known {
		if size < 0 {
			return 0, errors.New("an anchor stands for something that contains it")
		}
		return size, nil
	}
	sizes[node] = -1
	size := len(node.Value) + 2
	for _, child := range node.Content {
		n, err := expandedSize(child, sizes)
		if err != nil {
			return 0, err
		}
		size = min(size+n, aliasLimit+1)
	}
	sizes[node] = size
	return size, nil
}
