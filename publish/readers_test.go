package publish_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"
)

func TestReaders(t *testing.T) { readersSeeWholeZones(t, t.TempDir(), 200) }

// Readers that open and parse the file all the time see one whole zone of one
// serial each time, and never an older one than before.
func readersSeeWholeZones(t *testing.T, path string, publications int) {
	f := open(t, path, nil)
	generations := make([]*zone.Snapshot, 64)
	for i := range generations {
		generations[i] = forward(t, i)
	}
	first := f.publish(generations[0])

	ctx, done := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	reads := make([]int, 2)
	for i := range reads {
		wg.Go(func() {
			last := uint32(0)
			for ctx.Err() == nil {
				text, err := os.ReadFile(filepath.Join(path, zoneName))
				if err == nil {
					var serial uint32
					var generation int
					serial, generation, err = generationOf(text)
					if err == nil && (serial < last || generation != int(serial-first.Serial)%len(generations)) {
						err = fmt.Errorf("serial %d of generation %d after serial %d", serial, generation, last)
					}
					last = serial
				}
				if err != nil {
					t.Error(err)
					return
				}
				reads[i]++
			}
		})
	}
	for i := 1; i <= publications; i++ {
		results, err := f.Publish(context.Background(), generations[i%len(generations):][:1])
		if err != nil || results[0].Serial != first.Serial+uint32(i) {
			t.Errorf("publication %d: %+v, %v", i, results, err)
			break
		}
	}
	done()
	wg.Wait()
	t.Logf("%d publications, reads %v", publications, reads)
	if got := names(t, path); len(got) != 1 {
		t.Errorf("files %q", got)
	}
}
