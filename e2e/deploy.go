package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// deploy applies a folder of manifests as a user would: the API server must take all of it, strictly validated and
// without a warning. The namespace gets what the controllers of a cluster put into each.
func (a *apiServer) deploy(t testing.TB, folder, namespace string) {
	t.Helper()
	if out := a.kubectl(t, "apply", "--validate=strict", "-k", folder); strings.Contains(out, "arning") {
		t.Errorf("kubectl apply -k %s warns:\n%s", folder, out)
	}
	a.furnish(t, namespace)
}

// furnish puts into a namespace what the controllers of a cluster put into each.
func (a *apiServer) furnish(t testing.TB, namespace string) {
	t.Helper()
	a.create(t,
		&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "default"}},
		&corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "kube-root-ca.crt"},
			Data:       map[string]string{"ca.crt": string(a.config.CAData)},
		})
}

// deployment returns the Deployment of that name.
func (a *apiServer) deployment(t testing.TB, namespace, name string) *appsv1.Deployment {
	t.Helper()
	d := new(appsv1.Deployment)
	if err := a.Get(t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, d); err != nil {
		t.Fatal(err)
	}
	return d
}

// newPod creates a Pod of a Deployment, as the controllers of a cluster do, and returns what admission made of it. Pod
// Security judges Pods, not Deployments.
func (a *apiServer) newPod(t testing.TB, namespace, deployment string) *corev1.Pod {
	t.Helper()
	template := a.deployment(t, namespace, deployment).Spec.Template
	pod := &corev1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	pod.Namespace, pod.GenerateName = namespace, deployment+"-"
	a.create(t, pod)
	return pod
}

// allowed reports whether RBAC allows a verb on one object to a user, or on all of its kind if it has no name.
func (a *apiServer) allowed(ctx context.Context, user, verb string, of client.ObjectKey, group, resource string) (bool, error) {
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user,
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: of.Namespace, Name: of.Name, Verb: verb, Group: group, Resource: resource,
		},
	}}
	err := a.Create(ctx, review)
	return review.Status.Allowed, err
}

// right is a verb of a rule of a ClusterRole or Role.
type right struct {
	role                  client.Object
	rule                  int // of the role
	verb, group, resource string
	name                  string // of an object that it is for; empty if it is for all
}

func (r right) String() string { return r.verb + " " + r.resource }

// rulesOf are the rules of a ClusterRole or Role.
func rulesOf(role client.Object) *[]rbacv1.PolicyRule {
	if role, ok := role.(*rbacv1.Role); ok {
		return &role.Rules
	}
	return &role.(*rbacv1.ClusterRole).Rules
}

// rights are all rights that the manifests grant.
func (a *apiServer) rights(t testing.TB, namespace string) []right {
	t.Helper()
	var cluster rbacv1.ClusterRoleList
	var local rbacv1.RoleList
	ours := client.MatchingLabels{"app.kubernetes.io/part-of": "zonegen"}
	if err := errors.Join(a.List(t.Context(), &cluster, ours), a.List(t.Context(), &local, ours, client.InNamespace(namespace))); err != nil {
		t.Fatal(err)
	}
	var roles []client.Object
	for i := range cluster.Items {
		roles = append(roles, &cluster.Items[i])
	}
	for i := range local.Items {
		roles = append(roles, &local.Items[i])
	}
	var all []right
	for _, role := range roles {
		for i, rule := range *rulesOf(role) {
			if len(rule.APIGroups) != 1 || len(rule.Resources) != 1 || rule.NonResourceURLs != nil {
				t.Fatalf("the rule %v of %s is not one for one kind of object", rule, role.GetName())
			}
			for _, verb := range rule.Verbs {
				r := right{role: role, rule: i, verb: verb, group: rule.APIGroups[0], resource: rule.Resources[0]}
				if len(rule.ResourceNames) > 0 {
					r.name = rule.ResourceNames[0]
				}
				all = append(all, r)
			}
		}
	}
	return all
}

// revoke takes a right away from a user until the test ends.
func (a *apiServer) revoke(t testing.TB, r right, user string) {
	t.Helper()
	set := func(ctx context.Context, rules []rbacv1.PolicyRule, allowed bool) error {
		role := r.role.DeepCopyObject().(client.Object)
		if err := a.Get(ctx, client.ObjectKeyFromObject(role), role); err != nil {
			return err
		}
		*rulesOf(role) = rules
		if err := a.Update(ctx, role); err != nil {
			return err
		}
		return poll(patience, func() error { // until the API server goes by it
			is, err := a.allowed(ctx, user, r.verb, client.ObjectKey{Namespace: r.role.GetNamespace(), Name: r.name}, r.group, r.resource)
			if err == nil && is != allowed {
				err = fmt.Errorf("whether it is allowed to %s: %t", r, is)
			}
			return err
		})
	}
	all := *rulesOf(r.role)
	fewer := slices.Clone(all)
	fewer[r.rule].Verbs = slices.DeleteFunc(slices.Clone(all[r.rule].Verbs), func(verb string) bool { return verb == r.verb })
	if len(fewer[r.rule].Verbs) == 0 {
		fewer = slices.Delete(fewer, r.rule, r.rule+1)
	}
	t.Cleanup(func() {
		if err := set(context.Background(), all, true); err != nil { // the test's own context is over
			t.Error(err)
		}
	})
	if err := set(t.Context(), fewer, false); err != nil {
		t.Fatal(err)
	}
}

// newOverlay returns a folder with this kustomization, beside a copy of ../deploy.
func newOverlay(t testing.TB, kustomization string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "deploy"), os.DirFS("../deploy")); err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay")
	if err := os.Mkdir(overlay, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}
