// Package watch says where services come from: a Kubernetes API that is
// watched ([NewKubernetes]), or manifest files that are followed
// ([NewManifests]). Both are a [Source], which hands out [zone.Changes].
//
// A source keeps these promises:
//
//   - It hands out nothing before it is complete. The first changes are the
//     whole state: every kind of object has been listed to the end and is being
//     watched, or every manifest has been read.
//   - What was handed out is, for each kind of object, a state that it had: no change
//     without those before it. Kinds are not ordered among one another, as the API
//     does not tell how.
//   - Nothing is lost. A service that changed is in one of the changes that
//     follow, in its newest state.
//   - Bursts are coalesced on the leading edge: the first change after quiet is
//     handed out at once, then at most one batch per interval, and no change
//     waits longer than that interval. A burst seems to be over when nothing
//     changed for a tenth of the interval: then its last changes are handed out
//     before the interval ends.
//   - An API that cannot be reached, a permission that is lost, a kind that is
//     no longer served, a file that no longer parses, or a path of manifests
//     that is not there any more changes nothing: what was known last stays,
//     the operator is told what is missing, and the source goes on trying.
//
// Objects are cached in a packed form that holds what DNS needs and nothing
// else.
package watch
