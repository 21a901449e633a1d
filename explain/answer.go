package explain

// Verdict is what a name server answers for a name.
type Verdict string

// The verdicts there are.
const (
	// Answers means that the name has records.
	Answers Verdict = "NOERROR"
	// NoData means that the name exists without records (RFC 2308 section 2.2), such
	// as one that has others below it.
	NoData Verdict = "NODATA"
	// NotThere means that there is no such name (NXDOMAIN).
	NotThere Verdict = "NXDOMAIN"
	// Outside means that the name is in none of the zones.
	Outside Verdict = "OUTSIDE"
)

// Answer is what there is to say about a name, an address or a service.
type Answer struct {
	// Question is the name that was explained, absolute and in lower case.
	Question string `json:"question"`
	// Zone is the zone that it is in, empty if it is in none.
	Zone    string  `json:"zone,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Why says how the verdict comes, one sentence each.
	Why []string `json:"why"`
	// Closest are names or services that are there and may have been meant.
	Closest []string `json:"closest"`
	// Records are those of the name.
	Records []Record `json:"records"`
	// Service is the service that the name belongs to.
	Service *Service `json:"service,omitempty"`
	// Reverse are the addresses that the question is about.
	Reverse []Reverse `json:"reverse"`
	// Server is what a name server says, if one was asked.
	Server *Server `json:"server,omitempty"`
}

// Record is a record of a zone.
type Record struct {
	Name string `json:"name"`
	TTL  uint32 `json:"ttl"`
	Type string `json:"type"`
	Data string `json:"data"`
}

// Service is a service as the API has it, and what became of it.
type Service struct {
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"`
	Type      string   `json:"type"`
	IPs       []string `json:"ips"`
	Ports     []Port   `json:"ports"`
	Slices    []Slice  `json:"slices"`
	// Dropped is what is left out of the zones.
	Dropped []Dropped `json:"dropped"`
	// Records are those of the service's block: at its name and below.
	Records []Record `json:"records"`
}

// Port is a port of a ServiceImport or an EndpointSlice.
type Port struct {
	Name     string `json:"name,omitempty"`
	Protocol string `json:"protocol"`
	// Number is 0 where there is none.
	Number int32 `json:"port,omitempty"`
}

// Slice is an EndpointSlice.
type Slice struct {
	Name      string     `json:"name"`
	Cluster   string     `json:"cluster"`
	Ports     []Port     `json:"ports"`
	Endpoints []Endpoint `json:"endpoints"`
}

// Endpoint is an address of an endpoint.
type Endpoint struct {
	Address  string `json:"address"`
	Hostname string `json:"hostname,omitempty"`
	Ready    bool   `json:"ready"`
	// Name is HOST.CLUSTER, the name that the address has below that of the service
	// when the endpoint is ready; empty if it has none.
	Name string `json:"name,omitempty"`
	// Asked is whether the question is about it.
	Asked bool `json:"asked"`
}

// Dropped is a value that is left out.
type Dropped struct {
	Reason  string `json:"reason"`
	Field   string `json:"field"`
	Value   string `json:"value"`
	Message string `json:"message"`
}

// Reverse is the name of an address, and who claims it.
type Reverse struct {
	Address string `json:"address"`
	// PTR is the name that the address has, empty if it has none.
	PTR    string  `json:"ptr,omitempty"`
	Claims []Claim `json:"claims"`
}

// Claim is one that has an address.
type Claim struct {
	// Name is the one that it has for the address, or would have if it were ready;
	// empty if none is published.
	Name    string `json:"name"`
	Service string `json:"service"`
	// Kind is ClusterSetIP or endpoint.
	Kind  string `json:"kind"`
	Ready bool   `json:"ready"`
	// Wins is whether the PTR record points to it.
	Wins bool `json:"wins"`
}
