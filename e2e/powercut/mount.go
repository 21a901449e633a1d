package powercut

import (
	"context"
	"fmt"
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// Mount mounts the Disk on a folder, without any cache, until unmount is called.
func (d *Disk) Mount(path string) (unmount func() error, err error) {
	server, err := fs.Mount(path, &inode{disk: d, node: d.root}, &fs.Options{
		MountOptions:    fuse.MountOptions{DirectMount: os.Geteuid() == 0, FsName: "powercut", Name: "powercut"},
		NullPermissions: true,
		RootStableAttr:  &fs.StableAttr{Ino: d.root.ino},
	})
	if err != nil {
		return nil, fmt.Errorf("mounting a filesystem of this process on %s, which takes /dev/fuse, and to be root or fusermount3 (apt-get install fuse3): %w", path, err)
	}
	return server.Unmount, nil
}

// inode is a node of a mounted Disk.
type inode struct {
	fs.Inode
	disk *Disk
	node *node
}

var (
	_ fs.NodeLookuper  = (*inode)(nil)
	_ fs.NodeGetattrer = (*inode)(nil)
	_ fs.NodeSetattrer = (*inode)(nil)
	_ fs.NodeReaddirer = (*inode)(nil)
	_ fs.NodeMkdirer   = (*inode)(nil)
	_ fs.NodeCreater   = (*inode)(nil)
	_ fs.NodeOpener    = (*inode)(nil)
	_ fs.NodeReader    = (*inode)(nil)
	_ fs.NodeWriter    = (*inode)(nil)
	_ fs.NodeFsyncer   = (*inode)(nil)
	_ fs.NodeRenamer   = (*inode)(nil)
	_ fs.NodeUnlinker  = (*inode)(nil)
)

func (i *inode) child(ctx context.Context, n *node, out *fuse.EntryOut) *fs.Inode {
	n.attr(&out.Attr)
	return i.NewInode(ctx, &inode{disk: i.disk, node: n}, fs.StableAttr{Mode: n.mode & syscall.S_IFMT, Ino: n.ino})
}

func (n *node) attr(out *fuse.Attr) {
	out.Ino, out.Mode, out.Size, out.Nlink = n.ino, n.mode, uint64(len(n.data)), 1
	out.Owner = *fuse.CurrentOwner()
	out.SetTimes(nil, &n.changed, &n.changed)
}

func (i *inode) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (found *fs.Inode, errno syscall.Errno) {
	errno = i.disk.look(func() syscall.Errno {
		n := i.node.entries[name]
		if n == nil {
			return syscall.ENOENT
		}
		found = i.child(ctx, n, out)
		return 0
	})
	return found, errno
}

func (i *inode) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	return i.disk.look(func() syscall.Errno {
		i.node.attr(&out.Attr)
		return 0
	})
}

func (i *inode) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	return i.disk.change(func() syscall.Errno {
		if mode, ok := in.GetMode(); ok {
			i.node.edit(chmod(mode))
		}
		if size, ok := in.GetSize(); ok {
			i.node.edit(truncate(size))
		}
		i.node.attr(&out.Attr)
		return 0
	})
}

func (i *inode) Readdir(context.Context) (stream fs.DirStream, errno syscall.Errno) {
	errno = i.disk.look(func() syscall.Errno {
		var list []fuse.DirEntry
		for name, n := range i.node.entries {
			list = append(list, fuse.DirEntry{Name: name, Ino: n.ino, Mode: n.mode})
		}
		stream = fs.NewListDirStream(list)
		return 0
	})
	return stream, errno
}

func (i *inode) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return i.make(ctx, name, syscall.S_IFDIR|mode, out)
}

func (i *inode) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	made, errno := i.make(ctx, name, syscall.S_IFREG|mode, out)
	return made, nil, fuse.FOPEN_DIRECT_IO, errno
}

func (i *inode) make(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (made *fs.Inode, errno syscall.Errno) {
	errno = i.disk.change(func() syscall.Errno {
		if i.node.entries[name] != nil {
			return syscall.EEXIST
		}
		n := i.disk.newNode(mode)
		i.node.edit(add(name, n))
		made = i.child(ctx, n, out)
		return 0
	})
	return made, errno
}

func (i *inode) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_DIRECT_IO, i.disk.look(func() syscall.Errno { return 0 })
}

func (i *inode) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (result fuse.ReadResult, errno syscall.Errno) {
	errno = i.disk.look(func() syscall.Errno {
		data := i.node.data[min(off, int64(len(i.node.data))):]
		result = fuse.ReadResultData(data[:min(len(data), len(dest))])
		return 0
	})
	return result, errno
}

func (i *inode) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (written uint32, errno syscall.Errno) {
	data = []byte(string(data)) // it is the caller's
	errno = i.disk.change(func() syscall.Errno {
		i.node.edit(write(data, off))
		return 0
	})
	return uint32(len(data)), errno
}

// Fsync is that of files and of folders.
func (i *inode) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	return i.disk.change(func() syscall.Errno {
		i.node.sync()
		return 0
	})
}

func (i *inode) Rename(_ context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	if parent.EmbeddedInode() != i.EmbeddedInode() {
		return syscall.EXDEV
	}
	if flags != 0 {
		return syscall.EINVAL
	}
	return i.disk.change(func() syscall.Errno {
		n := i.node.entries[name]
		if n == nil {
			return syscall.ENOENT
		}
		i.node.edit(rename(name, newName, n))
		i.disk.renamed = append(i.disk.renamed, Renamed{newName, n.data})
		return 0
	})
}

func (i *inode) Unlink(_ context.Context, name string) syscall.Errno {
	return i.disk.change(func() syscall.Errno {
		if i.node.entries[name] == nil {
			return syscall.ENOENT
		}
		i.node.edit(remove(name))
		return 0
	})
}
