package check

// Rule is the identifier of a rule: short, stable, and listed in the package's
// documentation.
type Rule string

// The rules of reading.
const (
	RuleParse    Rule = "parse"
	RuleInclude  Rule = "include"
	RuleGenerate Rule = "generate"
	RuleSize     Rule = "size"
	RuleEnd      Rule = "end"
)

// The rules of the apex.
const (
	RuleSOA        Rule = "soa"
	RuleSOAOwner   Rule = "soa-owner"
	RuleSOANames   Rule = "soa-names"
	RuleSOATimers  Rule = "soa-timers"
	RuleSerial     Rule = "serial"
	RuleNS         Rule = "ns"
	RuleNSAddress  Rule = "ns-address"
	RuleDNSVersion Rule = "dns-version"
	RuleMarker     Rule = "marker"
)

// The rules of names and types.
const (
	RuleClass      Rule = "class"
	RuleOutOfZone  Rule = "out-of-zone"
	RuleNameLength Rule = "name-length"
	RuleNameCase   Rule = "name-case"
	RuleName       Rule = "name"
	RuleWildcard   Rule = "wildcard"
	RuleDelegation Rule = "delegation"
	RuleType       Rule = "type"
)

// The rules of records and RRsets.
const (
	RuleAddress   Rule = "address"
	RuleTTLRange  Rule = "ttl-range"
	RuleTTLRRset  Rule = "ttl-rrset"
	RuleTTLZone   Rule = "ttl-zone"
	RuleDuplicate Rule = "duplicate"
	RuleRRsetSize Rule = "rrset-size"
	RuleSRVData   Rule = "srv-data"
	RuleSRVWeight Rule = "srv-weight"
	RuleSRVTarget Rule = "srv-target"
	RulePTRSingle Rule = "ptr-single"
	RulePTRTarget Rule = "ptr-target"
)

// Rules lists every [Rule].
var Rules = []Rule{
	RuleParse, RuleInclude, RuleGenerate, RuleSize, RuleEnd,
	RuleSOA, RuleSOAOwner, RuleSOANames, RuleSOATimers, RuleSerial, RuleNS, RuleNSAddress, RuleDNSVersion, RuleMarker,
	RuleClass, RuleOutOfZone, RuleNameLength, RuleNameCase, RuleName, RuleWildcard, RuleDelegation, RuleType,
	RuleAddress, RuleTTLRange, RuleTTLRRset, RuleTTLZone, RuleDuplicate, RuleRRsetSize,
	RuleSRVData, RuleSRVWeight, RuleSRVTarget, RulePTRSingle, RulePTRTarget,
}
