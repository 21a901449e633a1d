// Package source reads zones from where they are, for whoever compares or judges
// them: files and folders, ConfigMaps, and name servers by zone transfer (AXFR, RFC
// 5936) with or without TSIG (RFC 8945).
//
// What is read is not trusted. Its size is bounded, what a file includes must be
// beside it, and a transfer is taken whole or not at all. Errors name the place as it
// was given, and say what mends it; a key's secret is in none of them.
package source
