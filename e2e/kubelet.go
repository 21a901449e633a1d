package e2e

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// podVolumes are the volumes of a Pod on this machine, as a kubelet makes them.
type podVolumes struct {
	t   testing.TB
	api *apiServer
	pod *corev1.Pod
	dir string
	// What takes the place of the ports in a Corefile, since Pods share the network of this machine.
	ports *strings.Replacer
	// env is added to the environment of containers.
	env []string
}

// volumes makes the volumes of a Pod that the API server has accepted. The ports are pairs of old and new text.
func (a *apiServer) volumes(t testing.TB, pod *corev1.Pod, ports ...string) *podVolumes {
	t.Helper()
	v := &podVolumes{t: t, api: a, pod: pod, dir: t.TempDir(), ports: strings.NewReplacer(ports...)}
	for _, volume := range pod.Spec.Volumes {
		if err := os.Mkdir(v.folder(volume.Name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(v.folder(volume.Name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	v.refresh()
	return v
}

// folder is the folder of a volume.
func (v *podVolumes) folder(name string) string { return filepath.Join(v.dir, name) }

// refresh brings all volumes up to date with the API. What a volume needs must be there.
func (v *podVolumes) refresh() {
	v.t.Helper()
	for _, volume := range v.pod.Spec.Volumes {
		payload, err := v.payload(v.t.Context(), volume)
		if err == nil && payload != nil {
			err = atomicVolume{v.folder(volume.Name)}.write(payload)
		}
		if err != nil {
			v.t.Fatalf("volume %s of the Pod %s: %v", volume.Name, v.pod.Name, err)
		}
	}
}

// payload is what a volume shows of the API; nil if it shows nothing.
func (v *podVolumes) payload(ctx context.Context, volume corev1.Volume) (map[string]string, error) {
	switch {
	case volume.EmptyDir != nil:
		return nil, nil
	case volume.ConfigMap != nil:
		c := volume.ConfigMap
		return v.configMap(ctx, c.Name, c.Items, c.Optional)
	case volume.Projected == nil:
		return nil, fmt.Errorf("what is this? %v", volume)
	}
	files := map[string]string{}
	for _, source := range volume.Projected.Sources {
		more := map[string]string{}
		var err error
		switch {
		case source.ConfigMap != nil:
			more, err = v.configMap(ctx, source.ConfigMap.Name, source.ConfigMap.Items, source.ConfigMap.Optional)
		case source.ServiceAccountToken != nil:
			more[source.ServiceAccountToken.Path], err = v.api.podToken(ctx, v.pod, source.ServiceAccountToken)
		case source.DownwardAPI != nil:
			for _, item := range source.DownwardAPI.Items {
				more[item.Path], err = podField(v.pod, item.FieldRef.FieldPath)
			}
		default:
			err = fmt.Errorf("what is this? %v", source)
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(files, more)
	}
	return files, nil
}

func (v *podVolumes) configMap(ctx context.Context, name string, items []corev1.KeyToPath, optional *bool) (map[string]string, error) {
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: v.pod.Namespace, Name: name}}
	err := v.api.Get(ctx, client.ObjectKeyFromObject(object), object)
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if corefile, there := object.Data["Corefile"]; there {
		object.Data["Corefile"] = v.ports.Replace(corefile)
	}
	if items == nil {
		return object.Data, nil
	}
	files := map[string]string{}
	for _, item := range items {
		text, there := object.Data[item.Key]
		if !there && (optional == nil || !*optional) {
			return nil, fmt.Errorf("the ConfigMap %s has no key %s", name, item.Key)
		}
		files[item.Path] = text
	}
	return files, nil
}

// podToken is a token of a Pod's service account. A short-lived one would have to be renewed.
func (a *apiServer) podToken(ctx context.Context, pod *corev1.Pod, want *corev1.ServiceAccountTokenProjection) (string, error) {
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Spec.ServiceAccountName}}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: want.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	if want.Audience != "" {
		request.Spec.Audiences = []string{want.Audience}
	}
	err := a.SubResource("token").Create(ctx, account, request)
	return request.Status.Token, err
}

func podField(pod *corev1.Pod, path string) (string, error) {
	switch path {
	case "metadata.namespace":
		return pod.Namespace, nil
	case "metadata.name":
		return pod.Name, nil
	}
	return "", fmt.Errorf("what is the field %s of a Pod?", path)
}
