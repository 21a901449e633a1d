package watch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const testHost = "https://api.example:6443"

// request wraps err as net/http does.
func request(err error) error {
	return &url.Error{Op: "Get", URL: testHost + "/api/v1/namespaces?limit=500", Err: err}
}

func TestExplain(t *testing.T) {
	forbidden := func(resource schema.GroupResource, user string) error {
		return apierrors.NewForbidden(resource, "", errors.New(`User "`+user+`" cannot list resource "x" in API group "" at the cluster scope`))
	}
	dial := func(err error) error { return request(&net.OpError{Op: "dial", Net: "tcp", Err: err}) }
	for name, test := range map[string]struct {
		err      error
		verb     string
		resource schema.GroupResource
		class    string
		text     string
		remedy   string
	}{
		"forbidden to a service account": {
			forbidden(serviceImports, "system:serviceaccount:dns:zonegen"), verbList, serviceImports, "forbidden",
			`user "system:serviceaccount:dns:zonegen" is forbidden to list serviceimports.multicluster.x-k8s.io cluster-wide`,
			"grant it: kubectl create clusterrole zonegen-serviceimports --verb=list,watch --resource=serviceimports.multicluster.x-k8s.io --dry-run=client -o yaml | kubectl auth reconcile -f - && " +
				"kubectl create clusterrolebinding zonegen-serviceimports --clusterrole=zonegen-serviceimports --serviceaccount=dns:zonegen --dry-run=client -o yaml | kubectl auth reconcile -f -",
		},
		"forbidden to a user": {
			forbidden(endpointSlices, "ann@example.org"), verbWatch, endpointSlices, "forbidden",
			`user "ann@example.org" is forbidden to watch endpointslices.discovery.k8s.io cluster-wide`,
			"grant it: kubectl create clusterrole zonegen-endpointslices --verb=list,watch --resource=endpointslices.discovery.k8s.io --dry-run=client -o yaml | kubectl auth reconcile -f - && " +
				"kubectl create clusterrolebinding zonegen-endpointslices --clusterrole=zonegen-endpointslices --user=ann@example.org --dry-run=client -o yaml | kubectl auth reconcile -f -",
		},
		"a user that a shell would run": {
			forbidden(namespaces.GroupResource(), "$(reboot)"), verbList, namespaces.GroupResource(), "forbidden",
			"this user is forbidden to list namespaces cluster-wide",
			"grant it: kubectl create clusterrole zonegen-namespaces --verb=list,watch --resource=namespaces --dry-run=client -o yaml | kubectl auth reconcile -f - && " +
				"kubectl create clusterrolebinding zonegen-namespaces --clusterrole=zonegen-namespaces --user=USER --dry-run=client -o yaml | kubectl auth reconcile -f -",
		},
		"forbidden discovery": {
			forbidden(serviceImports, "ann"), verbDiscover, serviceImports, "forbidden",
			`user "ann" is forbidden to ask which versions of serviceimports.multicluster.x-k8s.io there are`,
			"grant it: kubectl create clusterrolebinding zonegen-discovery --clusterrole=system:discovery --user=ann --dry-run=client -o yaml | kubectl auth reconcile -f -",
		},
		"unauthorized": {
			apierrors.NewUnauthorized("Unauthorized"), verbList, endpointSlices, "unauthorized",
			"the API server at " + testHost + " does not accept the credentials (401 Unauthorized)",
			"renew the token or the client certificate (kubeconfig, or the service account's token)",
		},
		"no CRD": {
			apierrors.NewNotFound(serviceImports, ""), verbDiscover, serviceImports, "not-found",
			"the API server at " + testHost + " serves no serviceimports.multicluster.x-k8s.io",
			"install the Multi-Cluster Services API: kubectl apply -f " + crdURL,
		},
		"no such API": {
			apierrors.NewNotFound(endpointSlices, ""), verbList, endpointSlices, "not-found",
			"the API server at " + testHost + " serves no endpointslices.discovery.k8s.io",
			"check the server's URL in the kubeconfig",
		},
		"server error, several lines": {
			apierrors.NewInternalError(errors.New("etcd\n\tis\x1b[31m sad")), verbList, endpointSlices, "status",
			"the API server at " + testHost + " cannot list endpointslices.discovery.k8s.io: Internal error occurred: etcd is [31m sad", "",
		},
		"no API server at all": {
			apierrors.NewGenericServerResponse(502, "get", endpointSlices, "", "upstream is gone", 0, true), verbList, endpointSlices, "status",
			"the API server at " + testHost + " cannot list endpointslices.discovery.k8s.io: an error on the server (\"upstream is gone\") has prevented the request from succeeding (get endpointslices.discovery.k8s.io): upstream is gone", "",
		},
		"refused": {
			dial(syscall.ECONNREFUSED), verbList, endpointSlices, "connection",
			"no API server answers at " + testHost + ": connection refused", "",
		},
		"no such host": {
			dial(&net.DNSError{Err: "no such host", Name: "api.example", IsNotFound: true}), verbList, endpointSlices, "connection",
			"no API server answers at " + testHost + ": dial tcp: lookup api.example: no such host", "",
		},
		"no answer in time": {
			request(context.DeadlineExceeded), verbList, endpointSlices, "connection",
			"no API server answers at " + testHost + ": context deadline exceeded", "",
		},
		"unknown authority": {
			request(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), verbList, endpointSlices, "certificate",
			"the certificate of the API server at " + testHost + " is not trusted: x509: certificate signed by unknown authority",
			"check server, certificate-authority and tls-server-name in the kubeconfig",
		},
		"other host name": {
			request(x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"other"}}, Host: "api.example"}), verbList, endpointSlices, "certificate",
			"the certificate of the API server at " + testHost + " is not trusted: x509: certificate is valid for other, not api.example",
			"check server, certificate-authority and tls-server-name in the kubeconfig",
		},
		"client certificate": {
			request(&net.OpError{Op: "remote error", Err: tls.AlertError(42)}), verbList, endpointSlices, "tls",
			"the API server at " + testHost + " refuses the TLS connection: tls: bad certificate",
			"check client-certificate and client-key in the kubeconfig",
		},
		"plugin": {
			request(errors.New("getting credentials: exec: executable aws failed with exit code 1")), verbList, endpointSlices, "credentials",
			"the credential plugin gives no credentials: getting credentials: exec: executable aws failed with exit code 1",
			"run the exec command of the kubeconfig's user by hand",
		},
		"plain HTTP": {
			request(errors.New("http: server gave HTTP response to HTTPS client")), verbList, endpointSlices, "connection",
			"no API server answers at " + testHost + ": http: server gave HTTP response to HTTPS client", "",
		},
		"anything else": {
			errors.New("odd"), verbWatch, endpointSlices, "other",
			"cannot watch endpointslices.discovery.k8s.io at " + testHost + ": odd", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := explain(test.err, test.verb, test.resource, testHost)
			if !slices.Contains(Problems, got.class) {
				t.Errorf("%q is not among the problems that are counted", got.class)
			}
			if want := (problem{test.class, test.text, test.remedy}); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestOneLineIsShort(t *testing.T) {
	if got := oneLine(strings.Repeat("ä", 500)); len(got) > 310 || strings.ContainsRune(got, '\ufffd') {
		t.Errorf("got %q", got)
	}
}
