package publish_test

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/clusterset-dns/zonegen/publish"
)

// failingAPI fails each request with its error.
type failingAPI struct {
	corev1client.ConfigMapInterface
	err error
}

func (f failingAPI) ConfigMaps(string) corev1client.ConfigMapInterface { return f }

func (f failingAPI) Get(context.Context, string, metav1.GetOptions) (*corev1.ConfigMap, error) {
	return nil, f.err
}

func TestConfigMapOptions(t *testing.T) {
	client := failingAPI{}
	for _, test := range []struct {
		options publish.ConfigMapOptions
		says    string
	}{
		{publish.ConfigMapOptions{Namespace: "dns", Name: "zones"}, "client"},
		{publish.ConfigMapOptions{Client: client, Name: "zones"}, "NAMESPACE/NAME"},
		{publish.ConfigMapOptions{Client: client, Namespace: "dns"}, "NAMESPACE/NAME"},
		{publish.ConfigMapOptions{Client: client, Namespace: "dns", Name: "Zones"}, "lower case"},
		{publish.ConfigMapOptions{Client: client, Namespace: "dns", Name: strings.Repeat("a", 251)}, "253"}, // with -15
		{publish.ConfigMapOptions{Client: client, Namespace: "dns", Name: "zones", Shards: -2}, "such as 16"},
	} {
		_, err := publish.NewConfigMaps(test.options)
		wantError(t, err, nil, test.says)
	}
	if _, err := publish.NewConfigMaps(publish.ConfigMapOptions{Client: client, Namespace: "dns", Name: strings.Repeat("a", 250)}); err != nil {
		t.Error(err)
	}
}

// A failed request is an error of each zone, and says what mends it.
func TestConfigMapErrors(t *testing.T) {
	resource := schema.GroupResource{Resource: "configmaps"}
	for name, test := range map[string]struct {
		err  error
		says string
	}{
		"cancelled": {context.Canceled, "get configmap dns/zones: context canceled"},
		"forbidden": {apierrors.NewForbidden(resource, "zones", errorText(`User "u" cannot get resource "configmaps"`)), "kubectl --namespace dns create role zonegen-configmaps --verb=get,patch --resource=configmaps --resource-name=zones $(seq -f --resource-name=zones-%g 0 15) --dry-run=client -o yaml | kubectl auth reconcile -f - && kubectl --namespace dns create rolebinding zonegen-configmaps --role=zonegen-configmaps --user=u "},
		"quota":     {apierrors.NewForbidden(resource, "zones", errorText("exceeded quota: q")), "describe resourcequota"},
		"token":     {apierrors.NewUnauthorized("no"), "token"},
		"too large": {apierrors.NewRequestEntityTooLargeError("no"), "edit configmap zones"},
		"invalid":   {apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "zones", nil), "delete configmap zones"},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := publish.NewConfigMaps(publish.ConfigMapOptions{Client: failingAPI{err: test.err}, Namespace: "dns", Name: "zones"})
			must(t, err)
			results, err := c.Publish(t.Context(), snapshots(t, 1))
			wantError(t, err, test.err, "get configmap dns/zones", test.says)
			for _, r := range results {
				if r.Err == nil || r.Written || r.Serial != 0 || !strings.HasPrefix(r.Path, "dns/zones/db.") {
					t.Errorf("result %+v", r)
				}
			}
		})
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }
