package watch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// summary is what a manifest holds, in a form that tests can spell out.
func (o *objects) summary() string {
	var parts []string
	for _, in := range o.imports {
		s := in.spec.unpack()
		parts = append(parts, fmt.Sprintf("import %s %s %v %v", in.key, s.Type, s.IPs, s.Ports))
	}
	for _, in := range o.slices {
		s := in.unpack()
		parts = append(parts, fmt.Sprintf("slice %s/%s of %s in %q %v %v", in.id.namespace.Value(), in.id.name, in.service.Name, s.Cluster, s.Ports, s.Endpoints))
	}
	namespaces := slices.Clone(o.namespaces)
	slices.Sort(namespaces)
	parts = append(parts, fmt.Sprintf("namespaces %v", slices.Compact(namespaces)))
	if o.ignored > 0 {
		parts = append(parts, fmt.Sprintf("ignored %d", o.ignored))
	}
	return strings.Join(append(parts, o.warnings...), "\n")
}

const (
	webYAML = `apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: {namespace: shop, name: web}
spec:
  type: ClusterSetIP
  ips: [10.0.0.1]
  ports: [{name: http, port: 80}]
`
	sliceYAML = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: db-east
  labels:
    multicluster.kubernetes.io/service-name: db
    multicluster.kubernetes.io/source-cluster: east
addressType: IPv4
endpoints:
- addresses: [10.1.0.1]
  hostname: db-0
ports:
- port: 5432
`
	webJSON = `{"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport", "metadata": {"name": "web"}, "spec": {"type": "Headless", "ports": []}}`

	webSummary   = "import shop/web ClusterSetIP [10.0.0.1] [{http  80}]\n"
	sliceSummary = `slice default/db-east of db in "east" [{  5432}] [{db-0 [10.1.0.1] true}]` + "\n"
)

func TestDecodeManifest(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"nothing":            {"", "namespaces []"},
		"comments only":      {"# a\n---\n\n# b\n...\n---", "namespaces []"},
		"null":               {"---\nnull\n---\n~\n", "namespaces []"},
		"an import":          {webYAML, webSummary + "namespaces [shop]"},
		"a slice":            {sliceYAML, sliceSummary + "namespaces [default]"},
		"documents":          {"---\n" + webYAML + "---\n# c\n---\n" + sliceYAML + "...\n", webSummary + sliceSummary + "namespaces [default shop]"},
		"comment at marker":  {"--- # first\n" + webYAML + "---\t# second\n" + sliceYAML, webSummary + sliceSummary + "namespaces [default shop]"},
		"content at marker":  {"--- {apiVersion: v1, kind: Namespace, metadata: {name: x}}\n", "namespaces [x]"},
		"directive":          {"%YAML 1.1\n---\n" + webYAML, webSummary + "namespaces [shop]"},
		"Windows line ends":  {strings.ReplaceAll("---\n"+webYAML+"---\n"+sliceYAML, "\n", "\r\n"), webSummary + sliceSummary + "namespaces [default shop]"},
		"byte order mark":    {"\ufeff" + webYAML, webSummary + "namespaces [shop]"},
		"JSON":               {webJSON, "import default/web Headless [] []\nnamespaces [default]"},
		"JSON after JSON":    {webJSON + webJSON + "\n" + webJSON, strings.Repeat("import default/web Headless [] []\n", 3) + "namespaces [default]"},
		"JSON between YAML":  {webYAML + "---\n" + webJSON + "\n---\n" + sliceYAML, webSummary + "import default/web Headless [] []\n" + sliceSummary + "namespaces [default shop]"},
		"YAML in braces":     {"{apiVersion: v1, kind: Namespace, metadata: {name: x}}", "namespaces [x]"},
		"namespace":          {"apiVersion: v1\nkind: Namespace\nmetadata: {name: empty}", "namespaces [empty]"},
		"ordinary slice":     {strings.Replace(sliceYAML, "multicluster.kubernetes.io/service-name", "kubernetes.io/service-name", 1), "namespaces []\nignored 1"},
		"other kinds":        {"apiVersion: v1\nkind: Pod\nspec: 5\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x, namespace: y}\n", "namespaces []\nignored 2"},
		"unknown version":    {"apiVersion: multicluster.x-k8s.io/v2\nkind: ServiceImport\n", "namespaces []\nignored 1\nServiceImport of version multicluster.x-k8s.io/v2 is ignored: it is not known here"},
		"unknown field":      {strings.Replace(webYAML, "  ips:", "  ip: x\n  ips:", 1), webSummary + "namespaces [shop]\n" + `unknown field "spec.ip"`},
		"anchors and merges": {strings.Replace(webYAML, "ports: [{name: http, port: 80}]", "ports: [&p {name: http, port: 80}, {<<: *p, name: alt}]", 1), "import shop/web ClusterSetIP [10.0.0.1] [{http  80} {alt  80}]\nnamespaces [shop]"},
		"List": {
			"apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(strings.TrimSpace(webYAML), "\n", "\n  ") + "\n- " + webJSON + "\n",
			webSummary + "import default/web Headless [] []\nnamespaces [default shop]",
		},
		"ServiceImportList, items without kind": {
			`{"apiVersion":"multicluster.x-k8s.io/v1beta1","kind":"ServiceImportList","metadata":{"resourceVersion":"1"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}`,
			"import default/a  [] []\nimport default/b  [] []\nnamespaces [default]",
		},
		"EndpointSliceList": {
			"apiVersion: discovery.k8s.io/v1\nkind: EndpointSliceList\nitems:\n- metadata: {name: x, labels: {multicluster.kubernetes.io/service-name: svc}}\n  addressType: IPv4\n",
			"slice default/x of svc in \"\" [] []\nnamespaces [default]",
		},
		"unknown field in a List": {
			"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: x}, odd: 1}\n",
			"namespaces [x]\nitems[0]: unknown field \"odd\"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := decodeManifest([]byte(test.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := o.summary(); got != test.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, test.want)
			}
		})
	}
}

func TestDecodeManifestErrors(t *testing.T) {
	bad := func(old, replacement string) string {
		if !strings.Contains(webYAML, old) {
			t.Fatalf("%q is not in the example", old)
		}
		return "# comment\n---\n" + webYAML + "---\n" + strings.Replace(webYAML, old, replacement, 1) // document 2 begins at line 11
	}
	for name, test := range map[string]struct{ in, want string }{
		"wrong scalar":         {bad("port: 80", "port: http"), "document 2, line 17: spec.ports[0].port: found string, want int32"},
		"wrong number":         {bad("port: 80", "port: 99999999999"), "document 2, line 17: spec.ports[0].port: found number 99999999999, want int32"},
		"wrong collection":     {bad("[10.0.0.1]", "\n    a: b"), "document 2, line 16: spec.ips: found object, want []string"},
		"number for a text":    {bad("[10.0.0.1]", "\n  - 10.0.0.1\n  - 5"), "document 2, line 18: spec.ips[1]: found number, want string"},
		"list for an object":   {bad("metadata: {namespace: shop, name: web}", "metadata: []"), "document 2, line 13: metadata: found array, want v1.ObjectMeta"},
		"syntax":               {bad("spec:\n", "spec: x: y\n"), "document 2, line 14: mapping values are not allowed in this context"},
		"tab":                  {bad("  type", "\ttype"), "document 2, line 15: found character that cannot start any token"},
		"key twice":            {bad("  type: ClusterSetIP\n", "  type: ClusterSetIP\n  type: Headless\n"), `document 2, line 16: key "type" already set in map`},
		"no name":              {bad("name: web", "generateName: web-"), "document 2, line 13: metadata.name is missing"},
		"no kind":              {bad("kind: ServiceImport", "metadata2: 1"), "document 2, line 11: this is no Kubernetes object: apiVersion or kind is missing"},
		"kind is no text":      {bad("kind: ServiceImport", "kind: 1"), "document 2, line 12: kind: found number, want string"},
		"no object":            {"---\n- a\n- b\n", "document 1, line 2: the document: found array, want v1.TypeMeta"},
		"only text":            {"---\nhello\n", "document 1, line 2: the document: found string, want v1.TypeMeta"},
		"time":                 {bad("name: web", "name: web, creationTimestamp: soon"), `document 2, line 11: parsing time "soon" as`},
		"anchor in itself":     {"a: &x [*x]\n", "document 1, which begins at line 1: an anchor stands for something that contains it"},
		"unknown anchor":       {"---\n---\na: 1\nb: *x\n", "document 1, which begins at line 2: unknown anchor 'x' referenced"},
		"JSON syntax":          {"{\n \"apiVersion\": \"v1\",\n \"kind\" 5}\n", "document 1, line 3: invalid character '5' after object key"},
		"JSON cut off":         {webYAML + "---\n{\"a\":\n", "document 2, line 10: unexpected EOF"},
		"JSON after good JSON": {webJSON + "\n" + webJSON + "\n{\"a\" 1}", "document 3, line 3: invalid character '1' after object key"},
		"JSON type":            {webJSON + "\n\n{\"apiVersion\": \"v1\", \"kind\": \"Namespace\",\n\"metadata\": {\"name\":\n5}}", "document 2, line 4: metadata.name: found number, want string"},
		"JSON key twice":       {`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"a","name":"b"}}`, `document 1, line 1: duplicate field "metadata.name"`},
		"in a List": {
			"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace, metadata: {name: x}}\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: {}\n",
			"document 1, line 8: items[1].metadata.name: found object, want string",
		},
		"item is no object": {"apiVersion: v1\nkind: List\nitems:\n- 5\n", "document 1, line 4: items[0]: found number, want v1.TypeMeta"},
		"List in a List":    {"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: List, items: []}\n", "document 1, line 4: a list inside of a list"},
		"NUL":               {"a: b\n\n\x00", "line 3: neither YAML nor JSON: there is a NUL byte"},
		"not UTF-8":         {"a: b\nc: \xff\n", "line 2: neither YAML nor JSON: there is byte 0xff, which is not UTF-8"},
		"UTF-16":            {"\xff\xfea\x00", "line 1: neither YAML nor JSON: there is a NUL byte"},
		"control character": {"a: \x01\n", "document 1, which begins at line 1: control characters are not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := decodeManifest([]byte(test.in))
			if err == nil {
				t.Fatalf("no error, but %s", o.summary())
			}
			if !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %q\nwant %q", err, test.want)
			}
		})
	}
}

// Warnings are bounded, whatever is overlooked.
func TestDecodeManifestWarningsAreBounded(t *testing.T) {
	var in strings.Builder
	for range 1000 {
		in.WriteString("---\napiVersion: multicluster.x-k8s.io/v2\nkind: ServiceImport\n")
	}
	o, err := decodeManifest([]byte(in.String()))
	if err != nil || len(o.warnings) != maxWarnings || o.ignored != 1000 {
		t.Errorf("%d warnings, %d ignored, %v", len(o.warnings), o.ignored, err)
	}
}

// Input that is small but wants to become large, or deep, is refused before it does.
func TestDecodeManifestBombs(t *testing.T) {
	laughs := "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
	for i := range 12 {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 8), i)
	}
	for name, in := range map[string]string{
		"billion laughs":   laughs,
		"one long text":    "a: &a " + strings.Repeat("x", 100_000) + "\nb: [" + strings.Repeat("*a, ", 1000) + "]\n",
		"deep flow":        strings.Repeat("[", 100_000),
		"deep flow, even":  "a: " + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
		"deep block":       strings.Repeat("- ", 100_000),
		"deep maps":        strings.Repeat("{a: ", 20_000) + strings.Repeat("}", 20_000),
		"deep JSON":        strings.Repeat(`{"a":`, 100_000),
		"deep JSON, even":  `{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + "}",
		"nested lists":     strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 1000) + strings.Repeat("]}", 1000),
		"a huge document":  strings.Repeat("#\n", 8<<20) + "a: b\n",
		"a very long line": "a" + strings.Repeat("b", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decodeManifest([]byte(in)); err == nil {
				t.Error("accepted")
			} else if len(err.Error()) > 500 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// FuzzManifest feeds anything to the parser: it must not panic, and what it
// accepts must be sound.
func FuzzManifest(f *testing.F) {
	for _, seed := range []string{
		"", webYAML, sliceYAML, webJSON, webYAML + "---\n" + webJSON + "\n---\n" + sliceYAML,
		"--- {apiVersion: v1, kind: Namespace, metadata: {name: x}}\n...\n%YAML 1.1\n---\n", "a: &x [*x, {<<: *x}]", "a: b: c",
		"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[" + webJSON + ",null,5]}", "\xff\xfe", "? [a]\n: !!binary x\n", "a: .nan",
		"apiVersion: v1\nkind: List\nitems:\n- &a {apiVersion: v1, kind: Namespace, metadata: {name: 5}}\n- *a\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := decodeManifest(data)
		if err != nil {
			if o != nil {
				t.Error("an error, and objects")
			}
			if strings.ContainsAny(err.Error(), "\n\x00") {
				t.Errorf("the error is not one line: %q", err)
			}
			return
		}
		for _, in := range o.imports {
			if in.key.Name == "" || in.key.Namespace == "" {
				t.Errorf("import without a name: %v", in.key)
			}
			in.spec.unpack()
		}
		for _, in := range o.slices {
			if in.id.name == "" || in.service.Name == "" || in.service.Namespace == "" {
				t.Errorf("slice without a name: %v", in)
			}
			in.unpack()
		}
		for _, name := range o.namespaces {
			if name == "" {
				t.Error("namespace without a name")
			}
		}
	})
}
