package publish

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/clusterset-dns/zonegen/internal/remedy"
)

// requestTimeout bounds one request. What becomes of a request that takes longer
// is not known, so the next Publish looks.
const requestTimeout = 30 * time.Second

// fail says of a failed request what it was, why it failed and what mends it.
func (c *ConfigMaps) fail(verb, name string, err error) error {
	if mend := c.remedy(verb, name, err); mend != "" {
		return fmt.Errorf("%s configmap %s/%s: %w; %s", verb, c.options.Namespace, name, err, mend)
	}
	return fmt.Errorf("%s configmap %s/%s: %w", verb, c.options.Namespace, name, err)
}

// remedy says what the operator can do about a failed request.
func (c *ConfigMaps) remedy(verb, name string, err error) string {
	namespace := c.options.Namespace
	switch {
	case apierrors.IsRequestEntityTooLargeError(err), apierrors.IsInvalid(err) && strings.Contains(err.Error(), "Too long"):
		return "remove keys and annotations of others from it: kubectl --namespace " + namespace + " edit configmap " + name
	case apierrors.IsInvalid(err):
		return fmt.Sprintf("see what hinders, or remove it to have it made anew: kubectl --namespace %s delete configmap %s", namespace, name)
	}
	right := remedy.Right{
		Role: "zonegen-configmaps", Resource: corev1.Resource("configmaps"), Verbs: []string{"get", "create", "patch"},
		Namespace: namespace, Name: c.options.Name, Parts: c.options.Shards, PartVerbs: []string{"delete"},
	}
	return right.Of(verb, err)
}

// foreign says that a ConfigMap is not ours, and how to make it so.
func (c *ConfigMaps) foreign(name string) error {
	return fmt.Errorf("configmap %s/%s is there and not of this zonegen, so it is left alone; give another name, or hand it over: "+
		"kubectl --namespace %[1]s annotate --overwrite configmap %[2]s %s=%s", c.options.Namespace, name, PartOfAnnotation, c.options.Name)
}

// immutable says that a ConfigMap cannot be changed.
func (c *ConfigMaps) immutable(name string) error {
	return fmt.Errorf("configmap %s/%s is immutable; remove it to have it made anew: kubectl --namespace %[1]s delete configmap %[2]s",
		c.options.Namespace, name)
}

// moved says that a ConfigMap is not the version that was to be replaced.
func (c *ConfigMaps) moved(name string) error {
	return fmt.Errorf("configmap %s/%s: %w", c.options.Namespace, name, errMoved)
}
