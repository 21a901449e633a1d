// Package diff compares zones by what they say, RRset by RRset: the order of
// records, the case of names and how the text was written make no difference.
//
// What a signer adds (DNSSEC) is left out, as package check does, and the SOA's
// serial counts only where it is asked for: it tells versions apart, not contents.
package diff
