package watch

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubejson "sigs.k8s.io/json"
	"sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"
)

// objects is what a manifest holds.
type objects struct {
	imports    []*importObject
	slices     []*sliceObject
	namespaces []namespaceObject // those that have objects, too; with repetitions
	ignored    int               // objects that are none of ours
	warnings   []string          // things that were overlooked, at most maxWarnings
}

// maxWarnings bounds what is said of one manifest.
const maxWarnings = 10

// decodeManifest reads the documents of a manifest. The error names document
// and line.
func decodeManifest(data []byte) (*objects, error) {
	out := &objects{}
	for doc, err := range documents(data) {
		if err != nil {
			return nil, err
		}
		if err := out.decode(doc); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// fieldError is an error at a place in a document.
type fieldError struct {
	path fieldPath
	err  error
}

func (o *objects) decode(doc document) error {
	if string(doc.json) == "null" {
		return nil
	}
	err := o.object(doc.json, nil, metav1.TypeMeta{})
	if err == nil {
		return nil
	}
	return &documentError{
		document: doc.number,
		line:     doc.line + lineAt(doc.source, err.path) - 1,
		exact:    true,
		err:      err.err,
	}
}

func (o *objects) warn(format string, args ...any) {
	if len(o.warnings) < maxWarnings {
		o.warnings = append(o.warnings, fmt.Sprintf(format, args...))
	}
}

// list is what all lists of objects have.
type list struct {
	Items []json.RawMessage `json:"items"`
}

// object reads one object, at path in its document. defaults is what the list
// that it is in says of its type.
func (o *objects) object(raw []byte, path fieldPath, defaults metav1.TypeMeta) *fieldError {
	head := defaults
	if err := decodeInto(raw, &head, path, nil); err != nil {
		return err
	}
	if head.APIVersion == "" || head.Kind == "" {
		return &fieldError{path, errors.New("this is no Kubernetes object: apiVersion or kind is missing")}
	}
	switch head.APIVersion + " " + head.Kind {
	case "multicluster.x-k8s.io/v1beta1 ServiceImport":
		var in v1beta1.ServiceImport
		if err := o.into(raw, &in, &in.ObjectMeta, path); err != nil {
			return err
		}
		o.addImport(newImport(fromServiceImport(&in)))
	case "multicluster.x-k8s.io/v1alpha1 ServiceImport":
		var in v1alpha1.ServiceImport
		if err := o.into(raw, &in, &in.ObjectMeta, path); err != nil {
			return err
		}
		o.addImport(newImport(fromServiceImportV1alpha1(&in)))
	case "discovery.k8s.io/v1 EndpointSlice":
		var in discoveryv1.EndpointSlice
		if err := o.into(raw, &in, &in.ObjectMeta, path); err != nil {
			return err
		}
		if in.Labels[v1beta1.LabelServiceName] == "" {
			o.ignored++ // a slice of an ordinary Service
			return nil
		}
		o.addSlice(newSlice(&in))
	case "v1 Namespace":
		var in corev1.Namespace
		if err := o.into(raw, &in, &in.ObjectMeta, path); err != nil {
			return err
		}
		o.namespaces = append(o.namespaces, namespaceObject(intern(in.Name)))
	case "v1 List",
		"multicluster.x-k8s.io/v1beta1 ServiceImportList",
		"multicluster.x-k8s.io/v1alpha1 ServiceImportList",
		"discovery.k8s.io/v1 EndpointSliceList",
		"v1 NamespaceList":
		return o.items(raw, path, head)
	default:
		o.ignored++
		switch strings.TrimSuffix(head.Kind, "List") {
		case "ServiceImport", "EndpointSlice":
			o.warn("%s of version %s is ignored: it is not known here", head.Kind, head.APIVersion)
		}
	}
	return nil
}

// items reads the objects of a list.
func (o *objects) items(raw []byte, path fieldPath, head metav1.TypeMeta) *fieldError {
	if len(path) > 0 {
		return &fieldError{path, errors.New("a list inside of a list")}
	}
	var in list
	if err := decodeInto(raw, &in, path, nil); err != nil {
		return err
	}
	defaults := metav1.TypeMeta{}
	if kind := strings.TrimSuffix(head.Kind, "List"); kind != "" {
		// Items of a typed list may leave it to the list to say what they are.
		defaults = metav1.TypeMeta{APIVersion: head.APIVersion, Kind: kind}
	}
	for i, item := range in.Items {
		if err := o.object(item, path.join("items", i), defaults); err != nil {
			return err
		}
	}
	return nil
}

func (o *objects) addImport(in *importObject) {
	o.imports = append(o.imports, in)
	o.namespaces = append(o.namespaces, namespaceObject(in.key.Namespace))
}

func (o *objects) addSlice(in *sliceObject) {
	o.slices = append(o.slices, in)
	o.namespaces = append(o.namespaces, namespaceObject(in.service.Namespace))
}

// into reads an object of a known type, and makes sure that it has a name and a
// namespace.
func (o *objects) into(raw []byte, out any, meta *metav1.ObjectMeta, path fieldPath) *fieldError {
	if err := decodeInto(raw, out, path, o); err != nil {
		return err
	}
	if meta.Name == "" {
		return &fieldError{path.join("metadata"), errors.New("metadata.name is missing")}
	}
	if meta.Namespace == "" {
		meta.Namespace = metav1.NamespaceDefault
	}
	return nil
}

// decodeInto reads JSON that stands at path in its document. Wrong types and
// repeated fields are errors; unknown fields are warnings to o, or nothing if o
// is nil.
func decodeInto(raw []byte, out any, path fieldPath, o *objects) *fieldError {
	strict, err := kubejson.UnmarshalStrict(raw, out)
	if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
		path = path.join(pathAt(raw, wrong.Offset)...)
		name := path.String()
		if name == "" {
			name = "the document"
		}
		return &fieldError{path, fmt.Errorf("%s: found %s, want %s", name, oneLine(wrong.Value), wrong.Type)}
	}
	if err != nil {
		return &fieldError{path, errors.New(oneLine(err.Error()))}
	}
	for _, err := range strict {
		switch text := oneLine(err.Error()); {
		case o == nil:
		case strings.HasPrefix(text, "duplicate field"):
			return &fieldError{path, errors.New(text)}
		default:
			o.warn("%s", strings.TrimPrefix(path.String()+": "+text, ": "))
		}
	}
	return nil
}
