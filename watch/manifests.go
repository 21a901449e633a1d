package watch

import (
	"context"

	"github.com/clusterset-dns/zonegen/zone"
)

type Manifests struct{}

func (m *Manifests) Run(ctx context.Context) error                        { return nil }
func (m *Manifests) Next(ctx context.Context) (c zone.Changes, err error) { return }
func (m *Manifests) Waiting() []string                                    { return nil }
