package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/pflag"

	"github.com/clusterset-dns/zonegen/publish"
)

var layouts = []string{string(publish.Single), string(publish.Chunked)}

// folderFlags choose where zone files go.
type folderFlags struct {
	path, layout, mode, owner string
}

func (f *folderFlags) register(flags *pflag.FlagSet, path string) {
	flags.StringVar(&f.path, "zone-dir", path, "`folder` for the zone files db.ZONE; made if it is missing")
	f.layout = string(publish.Single)
	flags.Var(choice(&f.layout, layouts...), "layout", "`layout` of the zone files: single, or chunked (a root that includes chunks, so that a change writes little however large the zone is)")
	flags.StringVar(&f.mode, "file-mode", fmt.Sprintf("%#o", uint32(publish.DefaultMode)), "`mode` of the zone files, in octal")
	flags.StringVar(&f.owner, "file-owner", "", "owner of the zone files as numbers, `UID[:GID]` (default: who runs zonegen)")
}

// unused says which flags make no sense without a folder.
func (f *folderFlags) unused(flags *pflag.FlagSet) error {
	for _, name := range []string{"layout", "file-mode", "file-owner"} {
		if flags.Changed(name) {
			return fmt.Errorf("--%s: it is for files; give --zone-dir too, or leave it out", name)
		}
	}
	return nil
}

// options returns what the flags describe.
func (f *folderFlags) options(logger *slog.Logger) (publish.FolderOptions, error) {
	o := publish.FolderOptions{Path: f.path, Layout: publish.Layout(f.layout), Logger: logger}
	var errs [3]error
	if f.path == "" {
		errs[0] = errors.New("--zone-dir: must not be empty; give a folder such as /zones")
	} else if info, err := os.Stat(f.path); err == nil && !info.IsDir() {
		errs[0] = fmt.Errorf("--zone-dir %q: there is a file of that name; give a folder such as /zones", f.path)
	}
	if o.Mode, errs[1] = publish.ParseMode(f.mode); errs[1] != nil {
		errs[1] = fmt.Errorf("--file-mode %w", errs[1])
	}
	if f.owner != "" {
		owner, err := publish.ParseOwner(f.owner)
		if err != nil {
			errs[2] = fmt.Errorf("--file-owner %w", err)
		}
		o.Owner = &owner
	}
	return o, errors.Join(errs[:]...)
}
