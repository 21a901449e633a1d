package main

import (
	"context"
	"errors"
	"time"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// place is where zones go. One goroutine calls its methods.
type place interface {
	// publish makes the place hold a state.
	publish(ctx context.Context, s state) outcome
	// due gets something when there is a reason to publish although nothing has
	// changed. It may be nil.
	due() <-chan struct{}
	// close gives the place free for another writer.
	close()
}

// outcome is what became of a publication: results, or else one of the others.
type outcome struct {
	results []publish.Result // of each zone
	// held says what holds all zones back.
	held *holding
	// standsBy says which other replica publishes there; this one has nothing to do.
	standsBy string
	// undecided says why it is not known which replica publishes.
	undecided string
}

// ours reports whether it is for this process to publish.
func (o outcome) ours() bool { return o.standsBy == "" && o.undecided == "" }

// failed is the outcome of what concerns all zones.
func failed(snapshots []*zone.Snapshot, err error) outcome {
	results := make([]publish.Result, len(snapshots))
	for i, s := range snapshots {
		results[i] = publish.Result{Zone: s.Origin(), Err: err}
	}
	return outcome{results: results}
}

// folderPlace is a folder, which is opened when there is something to publish.
type folderPlace struct {
	options publish.FolderOptions
	folder  *publish.Folder // nil until it could be opened
	hung    time.Time       // when it was last said that the disk hangs
}

// hangs is how long a publication takes of which one may think that the disk hangs. That
// of 40 MB takes a tenth of a second.
const hangs = 10 * time.Second

func (p *folderPlace) publish(ctx context.Context, s state) outcome {
	// Nothing ends a system call that waits for a disk. The rest goes on meanwhile.
	if start := time.Now(); start.Sub(p.hung) >= repeatAfter {
		warning := time.AfterFunc(hangs, func() {
			p.options.Logger.Warn("publishing waits for the disk; find out why it hangs or is slow. The zones before stay, and the newest ones follow",
				"path", p.options.Path, "for", hangs)
		})
		defer func() {
			if !warning.Stop() {
				p.hung = time.Now()
			}
		}()
	}
	if p.folder == nil {
		folder, err := publish.OpenFolder(p.options)
		if err != nil {
			return failed(s.snapshots, err)
		}
		p.folder = folder
	}
	results, err := p.folder.Publish(ctx, s.snapshots)
	if held := new(holding); errors.As(err, &held) {
		return outcome{held: held}
	}
	return outcome{results: results} // the error is those of the results
}

func (p *folderPlace) due() <-chan struct{} { return nil }

func (p *folderPlace) close() {
	if p.folder != nil {
		_ = p.folder.Close() // nothing of it is unwritten
	}
}
