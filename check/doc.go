// Package check tells whether a zone file loads, and whether it keeps the record
// contract of a clusterset zone (docs/records.md).
//
// Reading and judging are two steps. [Read] and [ReadFile] turn text into a
// [Zone]: records that know the file and the line they came from. [Judge] applies
// the rules to zones, wherever they were read from; several zones are judged
// together, so that the names in one are looked up in the others.
//
// The package keeps these promises:
//
//   - What package zone writes has no findings. The rules are written down here a
//     second time, on purpose: neither package borrows from the other.
//   - A file is read only as far as it names chunks beside itself: $INCLUDE takes
//     plain names of regular files in the same folder, and no link leads out.
//   - Reading and judging take time and memory in proportion to the text; there is
//     no $GENERATE, no $INCLUDE of a file in itself, and at most 1 GiB of text.
//
// # Rules
//
// The identifier of a rule is stable, so that scripts can ask for it.
//
//	parse          the text is no zone file (RFC 1035 section 5): no server loads it
//	include        $INCLUDE names something else than a file in the same folder
//	generate       $GENERATE is no part of the contract
//	size           more than 1 GiB of text, or an entry of more than 1 MiB
//	end            a file with zonegen's first line has its last line, with the SOA's serial
//	soa            exactly one SOA, and it is the first record
//	soa-owner      the SOA's owner is the zone that the file's name says
//	soa-names      MNAME is one of the zone's name servers, RNAME is hostmaster.Z
//	soa-timers     7200 1800 86400, and the negative TTL is the zone's TTL
//	serial         the serial is not 0
//	ns             the apex has name servers, and they keep away from the services
//	ns-address     a name server inside of the zones has an address there
//	dns-version    dns-version.Z has one TXT of one string, with TTL 28800
//	marker         pod.Z and svc.Z exist
//	class          every record is of class IN
//	out-of-zone    every owner is in the zone
//	name-length    a name has at most 255 octets
//	name-case      names are in lower case
//	name           an owner has one of the forms below
//	wildcard       no wildcards
//	delegation     no NS below the apex
//	type           a name has only records of the types of its form
//	address        an address is one that a host can have
//	ttl-range      a TTL is 0 to 3600 seconds
//	ttl-rrset      one TTL in an RRset
//	ttl-zone       one TTL in the zone: the SOA's
//	duplicate      a record is there once
//	rrset-size     an RRset fits into a DNS message: 65,000 octets
//	srv-data       priority 0, weight 1 to 100, port 1 to 65535
//	srv-weight     one weight in an RRset: 100 divided by its records, or less
//	srv-target     a target is the service or one of its endpoints, with an address
//	ptr-single     one PTR for an address
//	ptr-target     a target is a service or an endpoint, and has that very address
//
// # Forms
//
// The owners of a forward zone Z, and the types they may have:
//
//	Z                            SOA NS
//	dns-version.Z                TXT
//	a name server of the zone    A AAAA
//	S.N.svc.Z                    A AAAA SRV
//	_PORT._PROTO.S.N.svc.Z       SRV
//	HOST.CLUSTER.S.N.svc.Z       A AAAA
//	_zonegen below pod.Z, svc.Z, N.svc.Z or S.N.svc.Z   TXT
//
// In a reverse zone (one in in-addr.arpa. or ip6.arpa.), they are the apex with
// SOA and NS, and the name of a whole address with PTR.
//
// # Signed zones
//
// What a signer adds is not judged: records of the types RRSIG, DNSKEY, NSEC,
// NSEC3, NSEC3PARAM, DS, CDS and CDNSKEY are left out. The rest of a signed zone
// is judged as any other.
package check
