package publish_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// A guard is asked about the files from before until it has nothing against what is
// to come. Until then nothing is touched.
func TestFolderGuard(t *testing.T) {
	for _, layout := range []publish.Layout{publish.Single, publish.Chunked} {
		t.Run(string(layout), func(t *testing.T) {
			path := t.TempDir()
			before := open(t, path, func(o *publish.FolderOptions) { o.Layout = layout })
			full, less := snapshots(t, 5), snapshots(t, 0)
			_, err := before.Publish(context.Background(), full)
			must(t, err)
			must(t, before.Close())
			old := read(t, filepath.Join(path, zoneName))

			refuse := errors.New("too many are missing")
			var asked [][2]int
			f := open(t, path, func(o *publish.FolderOptions) {
				o.Layout = layout
				o.Guard = func(losses zone.Losses) error {
					asked = append(asked, [2]int{losses.There, len(losses.Missing)})
					if len(losses.Missing) > 0 {
						return refuse
					}
					return nil
				}
			})
			for range 2 {
				results, err := f.Publish(context.Background(), less)
				if !errors.Is(err, publish.ErrHeld) || !errors.Is(err, refuse) {
					t.Fatalf("error %v", err)
				}
				for _, r := range results {
					if !errors.Is(r.Err, refuse) || r.Written || r.Serial != 0 {
						t.Errorf("result %+v", r)
					}
				}
			}
			if string(read(t, filepath.Join(path, zoneName))) != string(old) {
				t.Error("the file is not as it was")
			}
			want := [2]int{servicesOf(5), servicesOf(5) - servicesOf(0)}
			if len(asked) != 2 || asked[0] != want || asked[1] != want {
				t.Errorf("asked about %v, want %v twice", asked, want)
			}
			_, err = f.Publish(context.Background(), full)
			must(t, err)
			asked = nil
			_, err = f.Publish(context.Background(), less) // what comes then is not the guard's business
			must(t, err)
			if asked != nil {
				t.Errorf("asked again, about %v", asked)
			}
		})
	}
}

// What is there and is no file of ours says nothing about services.
func TestFolderGuardOfStrangers(t *testing.T) {
	path := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(path, zoneName), 0o600))
	f := open(t, path, func(o *publish.FolderOptions) {
		o.Guard = func(losses zone.Losses) error {
			if losses.There != 0 {
				return errors.New("held")
			}
			return nil
		}
	})
	f.publish(snapshots(t, 1)[0])
}

// All zones are judged together, by the one that was there before.
func TestFolderGuardOfManyZones(t *testing.T) {
	path := t.TempDir()
	of := func(services int, zones ...string) []*zone.Snapshot {
		s, err := zone.NewSet(zone.Options{Zones: zones})
		must(t, err)
		var c zone.Changes
		for i := range services {
			c.Services = append(c.Services, zone.Service{Key: zone.Key{Namespace: "shop", Name: fmt.Sprintf("s%d", i)}, Type: zone.ClusterSetIP})
		}
		s.Apply(c)
		return s.Snapshots()
	}
	before := open(t, path, func(*publish.FolderOptions) {})
	_, err := before.Publish(context.Background(), of(5, "b.example", "c.example"))
	must(t, err)
	must(t, before.Close())
	var asked [][2]int
	f := open(t, path, func(o *publish.FolderOptions) {
		o.Guard = func(losses zone.Losses) error {
			asked = append(asked, [2]int{losses.There, len(losses.Missing)})
			return nil
		}
	})
	_, err = f.Publish(context.Background(), of(2, "a.example", "b.example", "c.example"))
	must(t, err)
	if want := [][2]int{{5, 3}}; !slices.Equal(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
}
