package publish

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// DefaultMode is the mode of zone files: the name server runs as another user.
const DefaultMode fs.FileMode = 0o644

// Layout is how a zone is laid out in files.
type Layout string

// The layouts that there are.
const (
	// Single is one file for each zone. Every name server can load it.
	Single Layout = "single"
	// Chunked is a root file db.<zone> that includes chunks, files that never
	// change. A change writes the root and one chunk, however large the zone is.
	Chunked Layout = "chunked"
)

// ParseLayout reads the name of a layout.
func ParseLayout(text string) (Layout, error) {
	switch layout := Layout(text); layout {
	case Single, Chunked:
		return layout, nil
	}
	return "", fmt.Errorf("%q is no layout; use %s or %s", text, Single, Chunked)
}

// DefaultChunkGrace is how long a chunk stays after the last root that includes
// it. It must be longer than a server takes from opening a root to reading all
// of its chunks.
const DefaultChunkGrace = time.Minute

// FolderOptions says where zone files go and what they look like.
type FolderOptions struct {
	// Path is the folder. It is created (mode 0755, parents too) if it is
	// missing, now or later.
	Path string
	// Mode is the permission bits of zone files, whatever the umask; 0 means
	// [DefaultMode]. It must let the owner read: serials are read back.
	Mode fs.FileMode
	// Layout is the layout of all zones; empty means [Single].
	Layout Layout
	// ChunkGrace is how long a chunk that no root includes any more stays; 0
	// means [DefaultChunkGrace].
	ChunkGrace time.Duration
	// Owner is whom zone files belong to; nil means the user of this process.
	Owner *Owner
	// Serial is the serial of every zone, for output that depends on nothing
	// else; 0 means the rule of [zone.NextSerial]. It is meant for one Publish:
	// a second one with other content would use the serial again.
	Serial uint32
	// Guard is asked about the files from before; nil means that nobody is.
	Guard Guard
	// Logger takes what is no error of this call; nil means nowhere.
	Logger *slog.Logger
	// Now is the clock for serials and for the age of chunks; nil means [time.Now].
	Now func() time.Time
}

// withDefaults returns the options completed, or says which one is wrong.
func (o FolderOptions) withDefaults() (FolderOptions, error) {
	if o.Path == "" {
		return o, errors.New("the zone folder has no name; give a path such as /zones")
	}
	o.Path = filepath.Clean(o.Path)
	if o.Mode == 0 {
		o.Mode = DefaultMode
	}
	if o.Mode&^fs.ModePerm != 0 || o.Mode&0o400 == 0 {
		return o, fmt.Errorf("mode %#o is not for zone files; give permission bits that let the owner read, such as 0644", uint32(o.Mode))
	}
	if o.Owner != nil && (o.Owner.UID < -1 || o.Owner.GID < -1) {
		return o, fmt.Errorf("owner %d:%d is no user; give numbers from 0, or -1 to keep", o.Owner.UID, o.Owner.GID)
	}
	if o.Layout == "" {
		o.Layout = Single
	}
	if o.ChunkGrace == 0 {
		o.ChunkGrace = DefaultChunkGrace
	}
	if _, err := ParseLayout(string(o.Layout)); err != nil {
		return o, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// Owner is the owner of zone files, by number. -1 leaves the user or the group
// as the system sets it for a new file.
type Owner struct {
	UID, GID int
}

// ParseOwner reads UID, UID:GID or :GID, as chown(1) does but with numbers only:
// a container image often has no list of names.
func ParseOwner(text string) (Owner, error) {
	user, group, _ := strings.Cut(text, ":")
	owner := Owner{UID: -1, GID: -1}
	for _, part := range []struct {
		text string
		id   *int
	}{{user, &owner.UID}, {group, &owner.GID}} {
		if part.text == "" {
			continue
		}
		// (uid_t)-1 means "keep" to chown(2), so it is nobody's number.
		id, err := strconv.ParseUint(part.text, 10, 32)
		if err != nil || id == 1<<32-1 {
			return Owner{}, fmt.Errorf("%q is no owner; give numbers as UID, UID:GID or :GID", text)
		}
		*part.id = int(id)
	}
	if owner == (Owner{UID: -1, GID: -1}) {
		return Owner{}, fmt.Errorf("%q is no owner; give numbers as UID, UID:GID or :GID", text)
	}
	return owner, nil
}

// ParseMode reads permission bits in octal, as chmod(1) does.
func ParseMode(text string) (fs.FileMode, error) {
	bits, err := strconv.ParseUint(text, 8, 32)
	mode := fs.FileMode(bits)
	if err != nil || mode&^fs.ModePerm != 0 || mode&0o400 == 0 {
		return 0, fmt.Errorf("%q is no mode for zone files; give octal permission bits that let the owner read, such as 0644", text)
	}
	return mode, nil
}
