package check

import (
	"strings"

	"github.com/miekg/dns"
)

// What the contract has in every SOA, in seconds.
const (
	soaRefresh = 7200
	soaRetry   = 1800
	soaExpire  = 86400
)

const (
	maxTTL     = 3600
	versionTTL = 28800
)

// apex judges what a zone has at its top.
func (j *judge) apex() {
	j.soa()
	j.nameServers()
	if !j.x.reverse {
		j.version()
		j.markers()
	}
}

func (j *judge) soa() {
	x := j.x
	for i := range x.Records {
		r := &x.Records[i]
		switch {
		case r == x.soaAt:
			if i > 0 {
				j.out.at(r, RuleSOA, "the SOA is not the first record: move it to the top of %s", x.File)
			}
		case r.RR.Header().Rrtype == dns.TypeSOA && r.RR.Header().Class == dns.ClassINET:
			j.out.at(r, RuleSOA, "another SOA: a zone has one; remove it")
		}
	}
	soa, at := x.soa, x.soaAt
	if soa.Serial == 0 {
		j.out.at(at, RuleSerial, "the serial is 0, which CoreDNS does not load: use 1 or more")
	}
	if soa.Refresh != soaRefresh || soa.Retry != soaRetry || soa.Expire != soaExpire || soa.Minttl != soa.Hdr.Ttl {
		j.out.at(at, RuleSOATimers, "refresh, retry, expire and negative TTL are %d %d %d %d: use %d %d %d and the zone's TTL, %d",
			soa.Refresh, soa.Retry, soa.Expire, soa.Minttl, soaRefresh, soaRetry, soaExpire, soa.Hdr.Ttl)
	}
	if len(x.servers) > 0 && !x.servers[lower(soa.Ns)] {
		j.out.at(at, RuleSOANames, "the primary name server %s has no NS record: add it, or name another", soa.Ns)
	}
	if mbox := lower(soa.Mbox); mbox != "hostmaster."+x.origin && (!x.reverse || !strings.HasPrefix(mbox, "hostmaster.")) {
		j.out.at(at, RuleSOANames, "the mailbox is %s: use hostmaster of the zone", soa.Mbox)
	}
	j.mentioned(at, soa.Ns, soa.Mbox)
}

// nameServers judges the NS records of the apex.
func (j *judge) nameServers() {
	x := j.x
	if len(x.servers) == 0 {
		j.out.at(x.soaAt, RuleNS, "no NS record at the apex: add one, and the name server's address if it is in the zone")
		return
	}
	for _, r := range x.recordsOf(x.get(x.origin), nil) {
		ns, ok := r.RR.(*dns.NS)
		if !ok {
			continue
		}
		host := lower(ns.Ns)
		if inZone(host, x.origin) && !x.reverse && host != x.origin {
			if f := x.formOf(host); f != formServer {
				j.out.at(r, RuleNS, "the name server %s stands among the services: use a name outside of svc, pod and dns-version", ns.Ns)
				continue
			}
		}
		home := j.find(host)
		if inZone(host, x.origin) {
			home = x
		}
		if home == nil {
			continue
		}
		if o := home.get(host); o == nil || !o.address {
			j.out.at(r, RuleNSAddress, "the name server %s has no address in the zone %s: add an A or AAAA record", ns.Ns, home.origin)
		}
	}
}

// version judges the record that says which version of the DNS specification the
// zone keeps.
func (j *judge) version() {
	x := j.x
	name := version + "." + x.origin
	count := 0
	for _, r := range x.recordsOf(x.get(name), nil) {
		txt, ok := r.RR.(*dns.TXT)
		if !ok {
			continue // that is a matter of types
		}
		if count++; count > 1 {
			j.out.at(r, RuleDNSVersion, "another version: there is one; remove it")
			continue
		}
		if len(txt.Txt) != 1 || txt.Txt[0] == "" {
			j.out.at(r, RuleDNSVersion, "the version is one string that is not empty, such as %q", "1.1.0")
		}
		if txt.Hdr.Ttl != versionTTL {
			j.out.at(r, RuleDNSVersion, "the TTL is %d: use %d", txt.Hdr.Ttl, versionTTL)
		}
	}
	if count == 0 {
		j.out.add(x.soaAt.File, x.soaAt.Line, RuleDNSVersion, name, "no TXT record: add one, such as: dns-version %d TXT \"1.1.0\"", versionTTL)
	}
}

// markers judges whether the names exist that always do.
func (j *judge) markers() {
	x := j.x
	pod, svc := "pod."+x.origin, "svc."+x.origin
	hasPod, hasSvc := false, false
	for i := range x.owners {
		name := x.owners[i].name
		hasPod = hasPod || inZone(name, pod)
		hasSvc = hasSvc || inZone(name, svc)
	}
	for _, m := range []struct {
		name   string
		exists bool
	}{{pod, hasPod}, {svc, hasSvc}} {
		if !m.exists {
			j.out.add(x.soaAt.File, x.soaAt.Line, RuleMarker, m.name, "the name does not exist, so it answers NXDOMAIN: add a TXT record at %s.%s", marker, m.name)
		}
	}
}
