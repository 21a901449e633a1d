package zone

// Key names a multi-cluster service: the namespace and name that its
// ServiceImport and its EndpointSlices share.
type Key struct {
	Namespace, Name string
}

// String returns "namespace/name", as kubectl prints it.
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Type is the type of a ServiceImport (spec.type, KEP-1645).
type Type string

// The types that the Multi-Cluster Services API defines.
const (
	ClusterSetIP Type = "ClusterSetIP"
	Headless     Type = "Headless"
)

// Service is all that is known of one multi-cluster service: its ServiceImport
// and the EndpointSlices that belong to it.
//
// Every field is text as the API or a manifest gave it. None of it is trusted:
// what is not a valid name, address, port or protocol is dropped when the
// service becomes records, and reported as a [Problem].
type Service struct {
	Key
	Type Type
	// IPs is spec.ips. It counts for ClusterSetIP services only.
	IPs []string
	// Ports is spec.ports. It counts for ClusterSetIP services only: the ports
	// of a headless service are those of its slices.
	Ports []Port
	// Slices are the EndpointSlices labelled with this service's name, in any
	// order.
	Slices []EndpointSlice
}

// NoNumber is the Number of an EndpointSlice port that has none, which the API
// uses to say "any port". Such a port makes no SRV record.
const NoNumber int32 = -1

// Port is a port of a ServiceImport or an EndpointSlice.
type Port struct {
	// Name is empty for an unnamed port, which has no _PORT._PROTO name.
	Name string
	// Protocol is TCP, UDP or SCTP in any case; empty means TCP.
	Protocol string
	// Number is 1 to 65535, or [NoNumber] in an EndpointSlice.
	Number int32
}

// EndpointSlice is the part of one EndpointSlice that DNS needs.
type EndpointSlice struct {
	// Name is the name of the object, used in messages only.
	Name string
	// Cluster is the label multicluster.kubernetes.io/source-cluster.
	Cluster   string
	Ports     []Port
	Endpoints []Endpoint
}

// Endpoint is one endpoint of an EndpointSlice.
type Endpoint struct {
	// Hostname may be empty: then the endpoint is named after its address.
	Hostname  string
	Addresses []string
	// Ready is conditions.ready; an absent condition counts as ready
	// (discovery.k8s.io/v1). Endpoints that are not ready have no records.
	Ready bool
}
