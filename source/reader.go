package source

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/clusterset-dns/zonegen/check"
	"github.com/clusterset-dns/zonegen/publish"
)

// Reader reads zones.
type Reader struct {
	// Stdin is what "-" reads.
	Stdin io.Reader
	// Origin is the zone of a file whose name does not say it; empty for the owner of
	// its SOA.
	Origin string
	// ConfigMaps returns the client for ConfigMaps. It is called when one is read.
	ConfigMaps func() (corev1client.ConfigMapsGetter, error)
	// Keys sign transfers, by the [Place.Server] that is asked; that of "" is for all
	// that have none here.
	Keys map[string]*Key
}

// Read reads the zones at a place, or the one that was named with it. Of a server it
// reads the wanted ones, which do not count elsewhere. What is wrong with the text of
// a zone is in its Unreadable.
func (r *Reader) Read(ctx context.Context, p Place, wanted ...string) ([]*check.Zone, error) {
	switch p.kind {
	case server:
		if p.zone != "" {
			wanted = []string{p.zone}
		}
		return r.transfer(ctx, p, wanted)
	case configMap:
		return r.configMap(ctx, p)
	}
	return r.files(p.text)
}

// IsFolder reports whether the place is a folder, which may have any number of zones.
func (p Place) IsFolder() bool {
	info, err := os.Stat(p.text)
	return p.kind == file && err == nil && info.IsDir()
}

func (r *Reader) files(path string) ([]*check.Zone, error) {
	if path == "-" {
		z, err := check.Read(r.Stdin, check.Source{Name: "standard input", Origin: r.Origin})
		return []*check.Zone{z}, err
	}
	if !(Place{text: path}).IsFolder() {
		z, err := check.ReadFile(path, r.Origin)
		return []*check.Zone{z}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var zones []*check.Zone
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), "db.") {
			continue
		}
		z, err := check.ReadFile(filepath.Join(path, entry.Name()), "")
		if err != nil {
			return nil, err
		}
		zones = append(zones, z)
	}
	if len(zones) == 0 {
		return nil, fmt.Errorf("the folder %s has no zones: no file in it is called db.ZONE; give the folder that zonegen writes to, or a file", path)
	}
	return zones, nil
}

func (r *Reader) configMap(ctx context.Context, p Place) ([]*check.Zone, error) {
	client, err := r.ConfigMaps()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p, err)
	}
	files, err := publish.ReadConfigMaps(ctx, client, p.namespace, p.name)
	if err != nil {
		return nil, err
	}
	keys := files.Zones()
	if p.zone != "" {
		key := "db." + strings.TrimSuffix(p.zone, ".")
		if !slices.Contains(keys, key) {
			return nil, fmt.Errorf("%s: there is no key %s; there is %s", p, key, strings.Join(keys, ", "))
		}
		keys = []string{key}
	}
	zones := make([]*check.Zone, len(keys))
	for i, key := range keys {
		text, err := files.Open(key)
		if err != nil {
			return nil, err
		}
		origin := strings.TrimPrefix(key, "db.")
		if zones[i], err = check.Read(text, check.Source{Name: p.fileOf(origin), Origin: origin, Include: files.Open}); err != nil {
			return nil, err
		}
	}
	return zones, nil
}

// transfer reads zones from a server.
func (r *Reader) transfer(ctx context.Context, p Place, wanted []string) ([]*check.Zone, error) {
	if len(wanted) == 0 {
		return nil, fmt.Errorf("%s: a server does not tell which zones it has; name one as %[1]s/clusterset.local", p)
	}
	zones := make([]*check.Zone, len(wanted))
	for i, zone := range wanted {
		records, err := r.axfr(ctx, p, zone)
		if err != nil {
			return nil, err
		}
		z := &check.Zone{File: p.fileOf(zone), Origin: zone, Records: make([]check.Record, len(records))}
		for j, rr := range records {
			z.Records[j] = check.Record{RR: rr, File: z.File}
		}
		zones[i] = z
	}
	return zones, nil
}
