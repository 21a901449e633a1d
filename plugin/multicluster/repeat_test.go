package multicluster

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestRepeatedBlocks loads zones whose blocks repeat each other, alike or with
// the same origin, in the zone's own file and in chunks, before and behind each
// other. The records and their order must be those of the text.
func TestRepeatedBlocks(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 5))
		z, dir := oneZone(t)
		m := &Multicluster{zones: &zones{zones: []*fileZone{z}}}
		var pool []string
		for range 4 {
			var blocks string
			for range 1 + rng.IntN(3) {
				blocks += fmt.Sprintf("$ORIGIN s%d.n.svc.clusterset.local.\n", rng.IntN(2))
				for range 1 + rng.IntN(2) {
					blocks += fmt.Sprintf("@ 5 A 192.0.2.%d\n", rng.IntN(2))
				}
			}
			pool = append(pool, blocks)
		}
		for serial := uint32(1); serial < 25; serial++ {
			var single, layout strings.Builder
			for range rng.IntN(5) {
				blocks := pool[rng.IntN(len(pool))]
				single.WriteString(blocks)
				if rng.IntN(2) == 0 {
					put(t, dir, chunkOf(blocks), blocks)
					blocks = "$INCLUDE " + chunkOf(blocks) + "\n"
				}
				layout.WriteString(blocks)
			}
			text := zoneFile(clusterset, serial, strings.TrimSuffix(single.String(), "\n"))
			put(t, dir, "db.clusterset.local", zoneFile(clusterset, serial, strings.TrimSuffix(layout.String(), "\n")))
			z.check(t.Context())
			if got, want := dump(z.current.Load()), dumpOf(t, clusterset, text); got != want {
				t.Fatalf("seed %d, serial %d: %s\ngot\n%s\nwant\n%s\nof\n%s", seed, serial, z.trouble, got, want, layout.String())
			}
			theirs := fileOfAll(t, map[string]string{clusterset: text})
			for i := range 2 {
				q := question(fmt.Sprintf("s%d.n.svc.clusterset.local.", i), dns.TypeA)
				if got, want := brief(ask(t, m, q)), brief(ask(t, theirs, q)); got != want {
					t.Fatalf("seed %d, serial %d: got\n%s\nwant\n%s\nof\n%s", seed, serial, got, want, layout.String())
				}
			}
		}
	}
}

// TestFileThatChangesWhileItIsRead is not loaded.
func TestFileThatChangesWhileItIsRead(t *testing.T) {
	for form, change := range forms {
		t.Run(form, func(t *testing.T) {
			z, dir := oneZone(t)
			put(t, dir, "db.clusterset.local", change(zoneFile(clusterset, 1)))
			f, err := openFolder(z.path, defaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			defer f.close()
			must(t, os.WriteFile(filepath.Join(dir, "db.clusterset.local"), []byte(change(zoneFile(clusterset, 2, "a 5 A 192.0.2.1"))), 0o600))
			if s, err := z.loader.load(t.Context(), f); s != nil || !errors.Is(err, errBusy) {
				t.Errorf("%v, %v", s, err)
			}
		})
	}
}
