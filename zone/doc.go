// Package zone turns multi-cluster services into the text of RFC 1035 zones.
//
// A [Service] is a plain-Go model of one ServiceImport and its EndpointSlices.
// It becomes one block of text, rendered only when the service changes. A [Set]
// keeps the blocks of all services, for every zone that is published, in
// canonical order; a [Snapshot] is an immutable view of one zone of the set.
// Given a serial, a snapshot is the whole zone file.
//
// The package keeps these promises:
//
//   - The same services give the same bytes, in whatever order they came, but
//     for the serial.
//   - No input can make a zone that does not load, or put a record, a directive
//     or a name into it that the record contract does not ask for.
//   - What the contract cannot take is dropped as narrowly as possible and
//     reported as a [Problem]; the rest is published.
//
// The record contract follows KEP-1645's DNS specification
// (https://github.com/kubernetes/enhancements/tree/master/keps/sig-multicluster/1645-multi-cluster-services-api,
// specification.md, "spec" in comments here) and is written down in
// docs/records.md.
//
// The package knows nothing of Kubernetes or CoreDNS.
package zone
