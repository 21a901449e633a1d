package remedy

import (
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The commands are run by the tests of e2e.
func TestOf(t *testing.T) {
	configMaps := Right{
		Role: "zonegen-configmaps", Resource: corev1.Resource("configmaps"), Verbs: []string{"get", "create", "patch"},
		Namespace: "dns", Name: "zones", Parts: 16, PartVerbs: []string{"delete"},
	}
	forbidden := func(text string) error {
		return apierrors.NewForbidden(schema.GroupResource{Resource: "configmaps"}, "zones", errors.New(text))
	}
	terminating := apierrors.NewForbidden(schema.GroupResource{}, "zones", errors.New("x"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	const bind = " --dry-run=client -o yaml | kubectl auth reconcile -f - && " +
		"kubectl --namespace dns create rolebinding zonegen-configmaps --role=zonegen-configmaps "
	const end = " --dry-run=client -o yaml | kubectl auth reconcile -f -"
	for name, test := range map[string]struct {
		verb string
		err  error
		want string
	}{
		"by name": {
			"get", forbidden(`User "system:serviceaccount:dns:zonegen" cannot get resource "configmaps"`),
			"allow it to get configmaps there: kubectl --namespace dns create role zonegen-configmaps --verb=get,patch --resource=configmaps " +
				"--resource-name=zones $(seq -f --resource-name=zones-%g 0 15)" + bind + "--serviceaccount=dns:zonegen" + end,
		},
		"create": {
			"create", forbidden(`User "joe" cannot create resource "configmaps"`),
			"allow it to create configmaps there: kubectl --namespace dns create role zonegen-configmaps --verb=create --resource=configmaps" + bind + "--user=joe" + end,
		},
		"of the parts": {
			"delete", forbidden(`User "joe" cannot delete resource "configmaps"`),
			"allow it to delete configmaps there: kubectl --namespace dns create role zonegen-configmaps --verb=delete --resource=configmaps " +
				"$(seq -f --resource-name=zones-%g 0 15)" + bind + "--user=joe" + end,
		},
		"a user that a shell would run": {
			"create", forbidden(`User "$(reboot)" cannot create resource "configmaps"`),
			"allow it to create configmaps there: kubectl --namespace dns create role zonegen-configmaps --verb=create --resource=configmaps" + bind + "--user=USER" + end,
		},
		"nobody":        {"get", forbidden(`User "system:anonymous" cannot get resource "configmaps"`), Anonymous},
		"not by RBAC":   {"get", forbidden(`admission webhook "x" denied the request`), ""},
		"quota":         {"create", forbidden("exceeded quota: q"), "raise the quota: kubectl --namespace dns describe resourcequota"},
		"terminating":   {"create", terminating, "wait until the namespace is gone and create it again: kubectl create namespace dns"},
		"no namespace":  {"create", apierrors.NewNotFound(corev1.Resource("namespaces"), "dns"), "create the namespace: kubectl create namespace dns"},
		"gone":          {"update", apierrors.NewNotFound(corev1.Resource("configmaps"), "zones"), ""},
		"unauthorized":  {"get", apierrors.NewUnauthorized("no"), Credentials},
		"anything else": {"get", errors.New(`User "joe" cannot get resource`), ""},
	} {
		if got := configMaps.Of(test.verb, test.err); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, test.want)
		}
	}
}
