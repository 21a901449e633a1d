package zone

import (
	"fmt"
	"strconv"
	"strings"
)

// Reason says in one word why input was dropped. It is short and from a fixed
// list, so that it can be a metric label.
type Reason string

// Every reason there is.
const (
	BadType     Reason = "type"      // spec.type is neither ClusterSetIP nor Headless
	BadName     Reason = "name"      // a service or namespace name is no DNS label, or the name too long
	BadAddress  Reason = "address"   // an address does not parse, or names no host
	BadPort     Reason = "port"      // a port number outside 1 to 65535
	BadPortName Reason = "port-name" // a port name is no DNS label
	BadProtocol Reason = "protocol"  // a protocol other than TCP, UDP, SCTP
	BadCluster  Reason = "cluster"   // a source-cluster label is no DNS label
	BadHostname Reason = "hostname"  // an endpoint's hostname is no DNS label
	NameTooLong Reason = "too-long"  // an owner name over 255 octets
	TooMany     Reason = "too-many"  // more records of one name and type than fit into a DNS message
)

// Reasons lists every [Reason], for metrics that start at zero.
var Reasons = []Reason{
	BadType, BadName, BadAddress, BadPort, BadPortName, BadProtocol,
	BadCluster, BadHostname, NameTooLong, TooMany,
}

// Problem tells of input that was dropped, as narrowly as possible; everything
// else of the service is published.
type Problem struct {
	Key
	Reason Reason
	// Field is the path of the value in its object, such as spec.ips[1] or
	// endpointslice/web-x7/endpoints[0].addresses[0].
	Field string
	// Value is the offending text, at most 100 bytes of it.
	Value string
	// Message says what was dropped and how to mend it.
	Message string
}

// Error returns the whole story in one line of ASCII, safe to print.
func (p Problem) Error() string {
	object := "service " + p.Key.String()
	if p.Name == "" {
		object = "namespace " + p.Namespace
	}
	return fmt.Sprintf("%s: %s %+q: %s", ascii(object), ascii(p.Field), p.Value, p.Message)
}

// maxValue is the most that a problem keeps of an offending text, in bytes.
const maxValue = 100

func newProblem(key Key, reason Reason, field, value, message string) Problem {
	if len(value) > maxValue {
		value = strings.Clone(value[:maxValue])
	}
	return Problem{Key: key, Reason: reason, Field: field, Value: value, Message: message}
}

// ascii escapes what is not plain printable ASCII. Names of objects have none of
// it when they come from the API, but a manifest may say anything.
func ascii(s string) string {
	quoted := strconv.QuoteToASCII(s)
	return quoted[1 : len(quoted)-1]
}
