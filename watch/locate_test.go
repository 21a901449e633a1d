package watch

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	kubejson "sigs.k8s.io/json"
)

func TestPathAt(t *testing.T) {
	type inner struct {
		N int32   `json:"n"`
		S string  `json:"s"`
		L []int32 `json:"l"`
	}
	type outer struct {
		A inner            `json:"a"`
		B []inner          `json:"b"`
		M map[string]inner `json:"m"`
	}
	for in, want := range map[string]string{
		`{"a":{"n":"x"}}`:                               "a.n",
		`{"b":[{"n":1},{"n":2,"s":3}]}`:                 "b[1].s",
		`{"b":[{"l":[1,2,true]}]}`:                      "b[0].l[2]",
		`{"a":{"l":[]},"b":[{"l":[1]},{"l":{}}]}`:       "b[1].l",
		`{"x":[[{"a":1}],{}],"a":[]}`:                   "a",
		`{"m":{"k.1":{"n":1},"k\n2":{"n":[]}}}`:         "m.k\n2.n",
		"{ \"a\" : {\n\t\"s\" : \"n\" , \"n\" : {} } }": "a.n",
		`[]`:                             "",
		`5`:                              "",
		`{"b":[[]]}`:                     "b[0]",
		`{"a":{"s":"b\"]}","l":"x\\"}}`:  "a.l",
		`{"b":[{},{},{}],"a":{"n":1.5}}`: "a.n",
	} {
		_, err := kubejson.UnmarshalStrict([]byte(in), new(outer))
		wrong := (*json.UnmarshalTypeError)(nil)
		if !errors.As(err, &wrong) {
			t.Errorf("%s: no wrong type, but %v", in, err)
			continue
		}
		if got := pathAt([]byte(in), wrong.Offset).String(); got != want {
			t.Errorf("%s at %d: got %q, want %q", in, wrong.Offset, got, want)
		}
	}
}

func TestLineAt(t *testing.T) {
	const text = "\na: 1\nb:\n  - c: x\n    d: |\n      long\n      text\n  -\n    c: *no\n"
	aliased := strings.Replace(text, "*no", "&c\n      e: 1\nf: *c", 1)
	for _, test := range []struct {
		text string
		path fieldPath
		line int
	}{
		{aliased, nil, 2},
		{aliased, fieldPath{"a"}, 2},
		{aliased, fieldPath{"b"}, 3},
		{aliased, fieldPath{"b", 0}, 4},
		{aliased, fieldPath{"b", 0, "d"}, 5},
		{aliased, fieldPath{"b", 1, "c"}, 9},
		{aliased, fieldPath{"f", "e"}, 10},
		{aliased, fieldPath{"b", 7}, 3},
		{aliased, fieldPath{"b", "x"}, 3},
		{aliased, fieldPath{"a", "x", "y"}, 2},
		{text, fieldPath{"b"}, 1}, // it does not parse
		{"", fieldPath{"b"}, 1},
	} {
		if got := lineAt([]byte(test.text), test.path); got != test.line {
			t.Errorf("%s: got line %d, want %d", test.path, got, test.line)
		}
	}
}
