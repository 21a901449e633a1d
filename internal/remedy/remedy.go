// Package remedy says what an operator can do about a request that the Kubernetes API
// refuses, in commands that can be pasted into a shell.
package remedy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// What to do about requests of nobody, and of somebody who is not believed.
const (
	Anonymous   = "give the user of the kubeconfig's context a token, a client certificate or an exec command"
	Credentials = "renew the token or the client certificate (kubeconfig, or the service account's token)"
)

// Right is what somebody needs for the objects of one kind.
type Right struct {
	Role      string // that the commands make, or add to if it is there, and bind by a binding of that name
	Resource  schema.GroupResource
	Verbs     []string
	Namespace string   // empty: cluster-wide
	Name      string   // of the object, as no other is needed; empty: all
	Parts     int      // how many objects NAME-0, NAME-1, … there may be beside it
	PartVerbs []string // needed of those in addition
}

// Of returns what mends the error of a request in the namespace of the right, which
// needs this verb of it; nothing if that is not known.
func (r Right) Of(verb string, err error) string {
	switch {
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return "wait until the namespace is gone and create it again: kubectl create namespace " + r.Namespace
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"):
		return fmt.Sprintf("raise the quota: kubectl --namespace %s describe resourcequota", r.Namespace)
	case IsAnonymous(err):
		return Anonymous
	case apierrors.IsForbidden(err) && strings.Contains(err.Error(), "cannot "+verb+" resource"): // else it is not RBAC
		return fmt.Sprintf("allow it to %s %s there: %s", verb, r.Resource.Resource, r.Grant(verb, err))
	case apierrors.IsNotFound(err) && verb == "create":
		return "create the namespace: kubectl create namespace " + r.Namespace
	case apierrors.IsUnauthorized(err):
		return Credentials
	}
	return ""
}

// IsAnonymous reports whether nobody is forbidden something. Who grants that to this
// user grants it to everybody.
func IsAnonymous(err error) bool {
	user, _ := User(err)
	return user == "system:anonymous"
}

// forbiddenUser finds the user in the API server's message, which is the only place
// that names it. Only names that need no quoting in a shell are taken.
var forbiddenUser = regexp.MustCompile(`User "([A-Za-z0-9:._@/-]+)"`)

// User returns who is forbidden something.
func User(err error) (name string, ok bool) {
	if !apierrors.IsForbidden(err) {
		return "", false
	}
	m := forbiddenUser.FindStringSubmatch(err.Error())
	if m == nil {
		return "", false
	}
	return m[1], true
}

// Grant returns the commands that give the right to the user of a Forbidden error, as
// one line. USER stands in them if the error names none. They can be run again, and
// take nothing away from a role and a binding that are there.
//
// RBAC cannot narrow "create" down to a name, so where there is one the line is about
// either that verb or all others; or about those that only the parts need.
func (r Right) Grant(verb string, err error) string {
	verbs, names := r.Verbs, ""
	parts := fmt.Sprintf(" $(seq -f --resource-name=%s-%%g 0 %d)", r.Name, r.Parts-1)
	switch {
	case r.Name == "":
	case verb == "create":
		verbs = []string{verb}
	case slices.Contains(r.PartVerbs, verb):
		verbs, names = r.PartVerbs, parts
	default:
		verbs = slices.DeleteFunc(slices.Clone(verbs), func(v string) bool { return v == "create" })
		names = " --resource-name=" + r.Name
		if r.Parts > 0 {
			names += parts
		}
	}
	kind, namespace := "clusterrole", ""
	if r.Namespace != "" {
		kind, namespace = "role", "--namespace "+r.Namespace+" "
	}
	return reconcile(fmt.Sprintf("%screate %s %s --verb=%s --resource=%s%s", namespace, kind, r.Role, strings.Join(verbs, ","), r.Resource, names)) + " && " +
		reconcile(fmt.Sprintf("%screate %sbinding %s --%s=%s %s", namespace, kind, r.Role, kind, r.Role, subject(err)))
}

// Bind returns the command that gives a ClusterRole, by a binding of that name, to the
// user of a Forbidden error.
func Bind(binding, clusterRole string, err error) string {
	return reconcile(fmt.Sprintf("create clusterrolebinding %s --clusterrole=%s %s", binding, clusterRole, subject(err)))
}

// reconcile makes a command of one that creates something, which may be there already.
func reconcile(create string) string {
	return "kubectl " + create + " --dry-run=client -o yaml | kubectl auth reconcile -f -"
}

// subject is the flag of kubectl for the user of a Forbidden error.
func subject(err error) string {
	user, ok := User(err)
	if !ok {
		return "--user=USER"
	}
	if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		return "--serviceaccount=" + account
	}
	return "--user=" + user
}
