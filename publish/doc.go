// Package publish makes zone snapshots visible to name servers.
//
// A [Folder] keeps one file per zone in a folder, db.clusterset.local for the
// zone clusterset.local., in the form that CoreDNS' auto plugin, BIND, NSD and
// Knot load. It keeps these promises:
//
//   - All or nothing. Whoever opens a zone file reads one whole zone with one
//     serial, at any moment, also after a crash of this process or of the
//     machine. What has been returned as written is on disk. The proof is at
//     replace.
//   - Content that is unchanged but for the serial means that nothing is
//     touched: no write, no new serial, the same inode and modification time.
//     This holds across restarts: the file is read back and adopted.
//   - The serial of a zone only grows (RFC 1982) and is never used again for
//     other content. It is read back from the file, so that it survives
//     restarts and a clock that went back; and from temporary files, so that it
//     survives a version that was read and then lost with the power.
//   - A file that somebody else changed, replaced or deleted is put right by
//     the next Publish, with a new serial; so is a wrong mode or owner, without
//     touching the content. Publish is cheap when there is nothing to do (a few
//     stat calls), so call it now and then with the last snapshots.
//   - An error leaves the old file as it is and no temporary file behind; it
//     says what to do. One zone's error does not stop the others. Nothing is
//     given up: the next Publish tries again.
//   - Temporary names never hold "db.": CoreDNS auto matches db\.(.*) anywhere
//     in a name, so .db.example.tmp would be served as the zone example.tmp.
//   - Files that are not ours stay as they are, zone files of zones that are
//     no longer published too: those are only named in the log.
//   - One writer per folder, held by a lock on the folder itself. It covers one
//     kernel: on a network filesystem, two machines do not see each other.
//
// A new file needs room beside the old one. On tmpfs, one of 1 MiB or more keeps it
// until the Folder is closed: the next is made of the one before the last.
//
// [ConfigMaps] keeps zones in ConfigMaps instead, which name servers mount as a
// volume: what the promises are there stands with it.
package publish
