package publish

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/clusterset-dns/zonegen/zone"
)

// zonePrefix starts the name of every zone file. CoreDNS' auto plugin takes
// what follows it, by default, for the zone's origin.
const zonePrefix = "db."

// tempSuffix ends the names of temporary files, .zonegen-<digits>.tmp. Only digits,
// since letters before the dot could be "db", which CoreDNS auto's unanchored
// db\.(.*) takes for the zone tmp; and nothing of a zone's name.
const tempSuffix = ".tmp"

// maxName is the longest file name that Linux filesystems take, in bytes.
const maxName = 255

// FileName returns the name of the file of the zone with that origin:
// db.clusterset.local for clusterset.local. It refuses an origin that cannot be
// part of a file name.
func FileName(origin string) (string, error) {
	name := zonePrefix + strings.TrimSuffix(origin, ".")
	switch {
	case name == zonePrefix:
		return "", fmt.Errorf("zone %q: the root zone has no file name; publish a zone below it", origin)
	case strings.ContainsAny(name, "/\x00"):
		return "", fmt.Errorf("zone %q: no file can be named %q; choose a zone name without a slash", origin, name)
	case len(name) > maxName:
		return "", fmt.Errorf("zone %q: a file name of %d bytes is too long; choose a zone name of at most %d", origin, len(name), maxName-len(zonePrefix))
	}
	return name, nil
}

// tempName returns a new temporary name.
func tempName() string {
	return fmt.Sprintf("%s%020d%s", zone.TempPrefix, rand.Uint64(), tempSuffix)
}

// isTemp reports whether a temporary file of this package is named so.
func isTemp(name string) bool {
	return strings.HasPrefix(name, zone.TempPrefix) && strings.HasSuffix(name, tempSuffix)
}
