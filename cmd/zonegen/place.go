package main

import (
	"context"

	"github.com/clusterset-dns/zonegen/publish"
	"github.com/clusterset-dns/zonegen/zone"
)

// place is where zones go. One goroutine calls its methods.
type place interface {
	// publish makes the place hold the snapshots, which are all zones. The results
	// are in their order.
	publish(ctx context.Context, snapshots []*zone.Snapshot) []publish.Result
	// close gives the place free for another writer.
	close()
}

// folderPlace is a folder, which is opened when there is something to publish.
type folderPlace struct {
	options publish.FolderOptions
	folder  *publish.Folder // nil until it could be opened
}

func (p *folderPlace) publish(ctx context.Context, snapshots []*zone.Snapshot) []publish.Result {
	if p.folder == nil {
		folder, err := publish.OpenFolder(p.options)
		if err != nil {
			results := make([]publish.Result, len(snapshots))
			for i, s := range snapshots {
				results[i] = publish.Result{Zone: s.Origin(), Err: err}
			}
			return results
		}
		p.folder = folder
	}
	results, _ := p.folder.Publish(ctx, snapshots) // the error is those of the results
	return results
}

func (p *folderPlace) close() {
	if p.folder != nil {
		_ = p.folder.Close() // nothing of it is unwritten
	}
}
