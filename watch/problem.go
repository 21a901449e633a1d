package watch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/clusterset-dns/zonegen/internal/remedy"
)

// problem says why a kind of object cannot be watched now, and what mends it.
// Every problem is one that waiting can help: somebody may grant the
// permission, renew the credentials, start the server.
type problem struct {
	class  string // the sort of problem, by which repetitions are told and counted
	text   string // what is wrong, in one line
	remedy string // what to do; empty when there is only waiting
}

func (p problem) String() string {
	if p.remedy == "" {
		return p.text
	}
	return p.text + "; " + p.remedy
}

// Problems lists every sort of problem that [Watch] counts, for metrics that
// start at zero.
var Problems = []string{
	"anonymous", "certificate", "connection", "credentials", "forbidden", "not-found", "other", "status", "tls", "unauthorized",
}

// crdURL is where the ServiceImport CRD is published.
const crdURL = "https://raw.githubusercontent.com/kubernetes-sigs/mcs-api/v0.5.2/config/crd/multicluster.x-k8s.io_serviceimports.yaml"

// The verbs that explain knows.
const (
	verbList     = "list"
	verbWatch    = "watch"
	verbDiscover = "discover"
)

// explain turns the error of a request for verb on resource at the API server
// host into words.
func explain(err error, verb string, resource schema.GroupResource, host string) problem {
	var status apierrors.APIStatus
	switch {
	case remedy.IsAnonymous(err):
		return problem{
			class:  "anonymous",
			text:   fmt.Sprintf("the API server at %s does not know who asks: no credentials were sent", host),
			remedy: remedy.Anonymous,
		}
	case apierrors.IsForbidden(err):
		return forbidden(err, verb, resource)
	case apierrors.IsUnauthorized(err):
		return problem{
			class:  "unauthorized",
			text:   fmt.Sprintf("the API server at %s does not accept the credentials (401 Unauthorized)", host),
			remedy: remedy.Credentials,
		}
	case apierrors.IsNotFound(err):
		p := problem{
			class:  "not-found",
			text:   fmt.Sprintf("the API server at %s serves no %s", host, resource),
			remedy: "check the server's URL in the kubeconfig",
		}
		if resource == serviceImports {
			p.remedy = "install the Multi-Cluster Services API: kubectl apply -f " + crdURL
		}
		return p
	case errors.As(err, &status):
		return problem{
			class: "status",
			text:  fmt.Sprintf("the API server at %s cannot %s %s: %s", host, verb, resource, oneLine(statusText(status))),
		}
	}
	if text, untrusted := certificateProblem(err); untrusted {
		return problem{
			class:  "certificate",
			text:   fmt.Sprintf("the certificate of the API server at %s is not trusted: %s", host, text),
			remedy: "check server, certificate-authority and tls-server-name in the kubeconfig",
		}
	}
	var alert tls.AlertError
	if errors.As(err, &alert) {
		return problem{
			class:  "tls",
			text:   fmt.Sprintf("the API server at %s refuses the TLS connection: %s", host, oneLine(alert.Error())),
			remedy: "check client-certificate and client-key in the kubeconfig",
		}
	}
	if strings.Contains(err.Error(), "getting credentials: ") {
		return problem{
			class:  "credentials",
			text:   "the credential plugin gives no credentials: " + oneLine(cause(err).Error()),
			remedy: "run the exec command of the kubeconfig's user by hand",
		}
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return problem{class: "connection", text: fmt.Sprintf("no API server answers at %s: connection refused", host)}
	}
	var network net.Error
	if errors.As(err, &network) {
		return problem{class: "connection", text: fmt.Sprintf("no API server answers at %s: %s", host, oneLine(cause(err).Error()))}
	}
	return problem{
		class: "other",
		text:  fmt.Sprintf("cannot %s %s at %s: %s", verb, resource, host, oneLine(cause(err).Error())),
	}
}

// statusText returns the message of a status. What did not come from an API
// server at all, but from a proxy perhaps, stands in its causes.
func statusText(status apierrors.APIStatus) string {
	s := status.Status()
	text := s.Message
	if s.Details != nil {
		for _, c := range s.Details.Causes {
			if c.Type == metav1.CauseTypeUnexpectedServerResponse && c.Message != "unknown" {
				text += ": " + c.Message
			}
		}
	}
	return text
}

// forbidden says which permission is lacking and gives the commands that grant
// it, as one line that can be pasted into a shell.
func forbidden(err error, verb string, resource schema.GroupResource) problem {
	user := "this user"
	if name, ok := remedy.User(err); ok {
		user = fmt.Sprintf("user %q", name)
	}
	if verb == verbDiscover {
		return problem{
			class:  "forbidden",
			text:   fmt.Sprintf("%s is forbidden to ask which versions of %s there are", user, resource),
			remedy: "grant it: " + remedy.Bind("zonegen-discovery", "system:discovery", err),
		}
	}
	right := remedy.Right{Role: "zonegen-" + resource.Resource, Resource: resource, Verbs: []string{verbList, verbWatch}}
	return problem{
		class:  "forbidden",
		text:   fmt.Sprintf("%s is forbidden to %s %s cluster-wide", user, verb, resource),
		remedy: "grant it: " + right.Grant(verb, err),
	}
}

// certificateProblem reports whether err is about the server's certificate.
func certificateProblem(err error) (text string, ok bool) {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return authority.Error(), true
	case errors.As(err, &hostname):
		return oneLine(hostname.Error()), true
	case errors.As(err, &invalid):
		return invalid.Error(), true
	case errors.As(err, &verification):
		return oneLine(verification.Error()), true
	}
	return "", false
}

// cause strips the URL of the request, which is long and says nothing that the
// host does not.
func cause(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}

// oneLine makes text of a server fit for a log line: no line breaks, no control
// characters, no more than 300 bytes.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}
