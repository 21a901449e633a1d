package watch

import (
	"fmt"
	"strings"
	"unique"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	"sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"github.com/clusterset-dns/zonegen/zone"
)

// importObject is a ServiceImport stripped to what is kept of it.
type importObject struct {
	key  zone.Key
	spec packed
}

// sliceObject is an EndpointSlice stripped to what is kept of it.
type sliceObject struct {
	id      sliceID
	service zone.Key // from the service-name label
	*slice
}

// sliceID names an EndpointSlice.
type sliceID struct {
	namespace unique.Handle[string]
	name      string
}

// namespaceObject is a Namespace stripped to its name.
type namespaceObject string

func newImport(s zone.Service) *importObject {
	s.Namespace = intern(s.Namespace)
	return &importObject{key: s.Key, spec: packImport(s)}
}

func newSlice(in *discoveryv1.EndpointSlice) *sliceObject {
	namespace := unique.Make(in.Namespace)
	return &sliceObject{
		id:      sliceID{namespace: namespace, name: in.Name},
		service: zone.Key{Namespace: namespace.Value(), Name: in.Labels[v1beta1.LabelServiceName]},
		slice:   packSlice(fromEndpointSlice(in)),
	}
}

// intern returns s in memory that is shared with other strings like it, and
// with nothing else.
func intern(s string) string { return unique.Make(s).Value() }

// stripImport, stripSlice and stripNamespace turn what a list or a watch brings
// into what is kept. What is stripped already they return as it is: client-go
// may hand them the same object twice.

func stripImport(obj any) (*importObject, error) {
	switch in := obj.(type) {
	case *importObject:
		return in, nil
	case *v1beta1.ServiceImport:
		return newImport(fromServiceImport(in)), nil
	case *v1alpha1.ServiceImport:
		return newImport(fromServiceImportV1alpha1(in)), nil
	}
	return nil, fmt.Errorf("a %T is no ServiceImport", obj)
}

func stripSlice(obj any) (*sliceObject, error) {
	switch in := obj.(type) {
	case *sliceObject:
		return in, nil
	case *discoveryv1.EndpointSlice:
		o := newSlice(in)
		o.triggered = triggerOf(in)
		return o, nil
	}
	return nil, fmt.Errorf("a %T is no EndpointSlice", obj)
}

func stripNamespace(obj any) (namespaceObject, error) {
	switch in := obj.(type) {
	case namespaceObject:
		return in, nil
	case *metav1.PartialObjectMetadata:
		return namespaceObject(strings.Clone(in.Name)), nil
	}
	return "", fmt.Errorf("a %T is no metadata of a Namespace", obj)
}
