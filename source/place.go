package source

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// Place is where zones are.
type Place struct {
	text string // as it was given, without the zone
	kind kind
	// server is HOST:PORT.
	server string
	// namespace and name are those of a ConfigMap.
	namespace, name string
	// zone is the one that is meant, empty for all that there are.
	zone string
}

type kind int

const (
	file kind = iota // or a folder
	server
	configMap
)

// ConfigMapPrefix begins the name of a ConfigMap.
const ConfigMapPrefix = "configmap:"

// Parse reads the name of a place:
//
//	FILE                         a zone file, with the chunks that it includes; - is standard input
//	FOLDER                       its files db.ZONE
//	@SERVER[:PORT][/ZONE]        a name server that lets zones be transferred
//	configmap:NAMESPACE/NAME[/ZONE]   a ConfigMap with the keys db.ZONE
//
// An IPv6 address with a port is in brackets. A file whose name begins as another
// kind does can be given as ./FILE.
func Parse(text string) (Place, error) {
	if rest, ok := strings.CutPrefix(text, "@"); ok {
		return parseServer(rest)
	}
	if rest, ok := strings.CutPrefix(text, ConfigMapPrefix); ok {
		return parseConfigMap(rest)
	}
	if text == "" {
		return Place{}, errors.New("an empty name: give a file, a folder, @SERVER or configmap:NAMESPACE/NAME")
	}
	return Place{text: text, kind: file}, nil
}

func parseServer(rest string) (Place, error) {
	address, zone, hasZone := strings.Cut(rest, "/")
	p := Place{text: "@" + address, kind: server}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]"), "53"
	}
	_, notIP := netip.ParseAddr(host)
	_, domain := dns.IsDomainName(host)
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 || host == "" || notIP != nil && (!domain || strings.Contains(host, ":")) {
		return p, fmt.Errorf("%q is no name server: give @HOST or @HOST:PORT, an IPv6 address with a port as @[::1]:53", "@"+rest)
	}
	p.server = net.JoinHostPort(host, port)
	if !hasZone {
		return p, nil
	}
	p.zone, err = zoneName(zone)
	return p, err
}

func parseConfigMap(rest string) (Place, error) {
	parts := strings.SplitN(rest, "/", 3)
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return Place{}, fmt.Errorf("%q is no ConfigMap: give configmap:NAMESPACE/NAME, or configmap:NAMESPACE/NAME/ZONE for one of its zones", ConfigMapPrefix+rest)
	}
	p := Place{text: ConfigMapPrefix + parts[0] + "/" + parts[1], kind: configMap, namespace: parts[0], name: parts[1]}
	if len(parts) < 3 {
		return p, nil
	}
	var err error
	p.zone, err = zoneName(strings.TrimPrefix(parts[2], "db."))
	return p, err
}

// zoneName returns a zone's name, absolute and in lower case.
func zoneName(text string) (string, error) {
	if _, ok := dns.IsDomainName(text); !ok || text == "" {
		return "", fmt.Errorf("%q is no zone: give a domain name such as clusterset.local", text)
	}
	return dns.CanonicalName(text), nil
}

// String returns the place as it was given.
func (p Place) String() string {
	if p.zone == "" {
		return p.text
	}
	return p.text + "/" + strings.TrimSuffix(p.zone, ".")
}

// IsServer reports whether the place is a name server, of which nobody can tell
// which zones it has.
func (p Place) IsServer() bool { return p.kind == server }

// IsConfigMap reports whether the place is in a cluster.
func (p Place) IsConfigMap() bool { return p.kind == configMap }

// Zone returns the zone that was named with the place, absolute and in lower case;
// empty if none was.
func (p Place) Zone() string { return p.zone }

// Server returns HOST:PORT of a name server.
func (p Place) Server() string { return p.server }

// fileOf is what findings call the file of a zone at the place.
func (p Place) fileOf(zone string) string {
	if p.kind == server {
		return p.text + "/" + strings.TrimSuffix(zone, ".")
	}
	return filepath.ToSlash(filepath.Join(p.text, "db."+strings.TrimSuffix(zone, ".")))
}
