package multicluster

import (
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/pkg/fall"
	"github.com/coredns/coredns/plugin/test"

	"github.com/miekg/dns"
)

// TestServeDNS is a table of whole answers.
func TestServeDNS(t *testing.T) {
	m := loaded(t, texts(shop(t), 7))
	soa := test.SOA("clusterset.local. 5 IN SOA ns.dns.clusterset.local. hostmaster.clusterset.local. 7 7200 1800 86400 5")
	ns := []dns.RR{test.NS("clusterset.local. 5 IN NS ns.dns.clusterset.local.")}
	for _, tc := range []test.Case{
		{Qname: "clusterset.local.", Qtype: dns.TypeSOA, Answer: []dns.RR{soa}, Ns: ns},
		{
			Qname: "clusterset.local.", Qtype: dns.TypeNS, Answer: ns,
			Extra: []dns.RR{test.A("ns.dns.clusterset.local. 5 IN A 127.0.0.1")},
		},
		{Qname: "clusterset.local.", Qtype: dns.TypeA, Ns: []dns.RR{soa}},
		{Qname: "clusterset.local.", Qtype: dns.TypeDS, Ns: []dns.RR{soa}},
		{Qname: "clusterset.local.", Qtype: dns.TypeANY, Ns: []dns.RR{soa}},
		{
			Qname: "web.shop.svc.clusterset.local.", Qtype: dns.TypeA, Ns: ns,
			Answer: []dns.RR{test.A("web.shop.svc.clusterset.local. 5 IN A 10.0.0.80")},
		},
		{
			Qname: "_http._tcp.web.shop.svc.clusterset.local.", Qtype: dns.TypeSRV, Ns: ns,
			Answer: []dns.RR{test.SRV("_http._tcp.web.shop.svc.clusterset.local. 5 IN SRV 0 50 80 web.shop.svc.clusterset.local.")},
			Extra: []dns.RR{
				test.A("web.shop.svc.clusterset.local. 5 IN A 10.0.0.80"), test.AAAA("web.shop.svc.clusterset.local. 5 IN AAAA fd00::80"),
			},
		},
		{Qname: "web.shop.svc.clusterset.local.", Qtype: 65280, Ns: []dns.RR{soa}},
		{Qname: "web.shop.svc.clusterset.local.", Qtype: dns.TypeANY, Ns: []dns.RR{soa}},
		{Qname: "web.shop.svc.clusterset.local.", Qtype: dns.TypeSOA, Ns: []dns.RR{soa}},
		{Qname: "web.shop.svc.clusterset.local.", Qtype: dns.TypeNS, Ns: []dns.RR{soa}},
		{Qname: "nothing.shop.svc.clusterset.local.", Qtype: dns.TypeA, Rcode: dns.RcodeNameError, Ns: []dns.RR{soa}},
		{Qname: "shop.svc.clusterset.local.", Qtype: dns.TypeA, Ns: []dns.RR{soa}},
	} {
		w := dnstest.NewRecorder(&test.ResponseWriter{})
		if _, err := m.ServeDNS(t.Context(), w, tc.Msg()); err != nil {
			t.Errorf("%s: %v", tc.Qname, err)
			continue
		}
		if err := test.SortAndCheck(w.Msg, tc); err != nil {
			t.Errorf("%s %s: %v", tc.Qname, dns.Type(tc.Qtype), err)
		}
	}
}

// TestNegativeTTL: the SOA's TTL in a negative answer is the smaller one (RFC
// 2308 section 3). In answers for it, it is its own.
func TestNegativeTTL(t *testing.T) {
	for soa, want := range map[string]uint32{"60 IN SOA ns h 1 2 3 4 5": 5, "5 IN SOA ns h 1 2 3 4 60": 5} {
		m := loaded(t, map[string]string{"example.org.": "@ " + soa + "\n@ 60 NS ns\nns 60 A 192.0.2.1\n"})
		if got := ask(t, m, question("x.example.org.", dns.TypeA)).Ns[0].Header().Ttl; got != want {
			t.Errorf("%s: %d in a negative answer", soa, got)
		}
		got := ask(t, m, question("example.org.", dns.TypeSOA)).Answer[0].Header().Ttl
		if !strings.HasPrefix(soa, dnsTTL(got)) {
			t.Errorf("%s: %d in an answer", soa, got)
		}
	}
}

func dnsTTL(ttl uint32) string {
	return strings.TrimPrefix((&dns.RR_Header{Name: ".", Ttl: ttl, Class: 1}).String(), ".\t")[:1]
}

// TestNoQuery: messages that are no queries, and queries for what a zone file
// cannot say.
func TestNoQuery(t *testing.T) {
	m := loaded(t, texts(shop(t), 7))
	for _, test := range []struct {
		name   string
		change func(*dns.Msg)
		want   int
	}{
		{"a query", func(*dns.Msg) {}, dns.RcodeSuccess},
		{"NOTIFY", func(r *dns.Msg) { r.Opcode = dns.OpcodeNotify }, dns.RcodeRefused},
		{"UPDATE", func(r *dns.Msg) { r.Opcode = dns.OpcodeUpdate }, dns.RcodeNotImplemented},
		{"STATUS", func(r *dns.Msg) { r.Opcode = dns.OpcodeStatus }, dns.RcodeNotImplemented},
		{"IQUERY", func(r *dns.Msg) { r.Opcode = dns.OpcodeIQuery }, dns.RcodeNotImplemented},
		{"an opcode that nobody knows", func(r *dns.Msg) { r.Opcode = 15 }, dns.RcodeNotImplemented},
		{"AXFR", func(r *dns.Msg) { r.Question[0].Qtype = dns.TypeAXFR }, dns.RcodeRefused},
		{"IXFR", func(r *dns.Msg) { r.Question[0].Qtype = dns.TypeIXFR }, dns.RcodeRefused},
		{"class CH", func(r *dns.Msg) { r.Question[0].Qclass = dns.ClassCHAOS }, dns.RcodeRefused},
		{"class NONE", func(r *dns.Msg) { r.Question[0].Qclass = dns.ClassNONE }, dns.RcodeRefused},
		{"class ANY", func(r *dns.Msg) { r.Question[0].Qclass = dns.ClassANY }, dns.RcodeSuccess},
	} {
		r := question("web.shop.svc.clusterset.local.", dns.TypeA)
		test.change(r)
		if got := ask(t, m, r); got.Rcode != test.want {
			t.Errorf("%s: %s, not %s", test.name, dns.RcodeToString[got.Rcode], dns.RcodeToString[test.want])
		}
	}
	if code, err := m.ServeDNS(t.Context(), &test.ResponseWriter{}, new(dns.Msg)); code != dns.RcodeRefused || err != nil {
		t.Errorf("no question: %d, %v", code, err) // that is the next plugin's answer
	}
}

// TestCase: the case of the question is kept, wherever its name is.
func TestCase(t *testing.T) {
	m := loaded(t, texts(shop(t), 7))
	got := ask(t, m, question("WeB.shop.SVC.ClusterSet.Local.", dns.TypeA))
	if got.Question[0].Name != "WeB.shop.SVC.ClusterSet.Local." || got.Answer[0].Header().Name != "WeB.shop.SVC.ClusterSet.Local." ||
		got.Ns[0].Header().Name != "ClusterSet.Local." {
		t.Errorf("got %v", got)
	}
	if got := ask(t, m, question("x.ClusterSet.Local.", dns.TypeA)); got.Ns[0].Header().Name != "ClusterSet.Local." {
		t.Errorf("got %v", got)
	}
}

// TestHeader: what of the query's header comes back.
func TestHeader(t *testing.T) {
	m := loaded(t, texts(shop(t), 7))
	for _, name := range []string{"web.shop.svc.clusterset.local.", "nothing.clusterset.local."} {
		for _, flags := range []bool{false, true} {
			r := question(name, dns.TypeA)
			r.RecursionDesired, r.CheckingDisabled, r.AuthenticatedData = flags, flags, flags
			want := new(dns.Msg).SetReply(r)
			want.Authoritative = true
			got := ask(t, m, r)
			if want.Rcode = got.Rcode; got.MsgHdr != want.MsgHdr {
				t.Errorf("%s: %v, not %v", name, got.MsgHdr.String(), want.MsgHdr.String())
			}
		}
	}
}

// TestNothingIsShared: whatever a plugin does to an answer, the next is right.
func TestNothingIsShared(t *testing.T) {
	files := texts(shop(t), 7)
	files["example.org."] = zoneFile("example.org.", 1, "a 5 MX 1 b", "b 5 A 192.0.2.1", "t 5 TXT \"x\" \"y\"", "c 5 CAA 0 issue \"ca\"")
	files["alias.example."] = zoneFile("alias.example.", 1, "a 5 CNAME b", "b 5 A 192.0.2.1", "b 5 A 192.0.2.2", "b 5 TXT x")
	m := loaded(t, files)
	var all []*dns.Msg
	for _, s := range []string{
		"clusterset.local. SOA", "clusterset.local. NS", "web.shop.svc.clusterset.local. A", "web.shop.svc.clusterset.local. AAAA",
		"pg.db.svc.clusterset.local. A", "pg.db.svc.clusterset.local. SRV", "_http._tcp.pg.db.svc.clusterset.local. SRV",
		"10.0.2.10.in-addr.arpa. PTR", "dns-version.clusterset.local. TXT", "nothing.clusterset.local. A",
		"a.example.org. MX", "t.example.org. TXT", "c.example.org. CAA", "a.alias.example. A", "b.alias.example. TXT", "alias.example. SOA",
	} {
		name, qtype, _ := strings.Cut(s, " ")
		all = append(all, question(name, dns.StringToType[qtype]))
	}
	var first []string
	for round := range 3 {
		for i, q := range all {
			r := q.Copy()
			got := ask(t, m, r)
			if round == 0 {
				first = append(first, got.String())
			} else if got.Id, r.Id = q.Id, q.Id; got.String() != first[i] {
				t.Errorf("round %d: got\n%s\nwant\n%s", round, got, first[i])
			}
			ruin(got)
		}
	}
}

// ruin changes all that can be changed in a message.
func ruin(m *dns.Msg) {
	m.Question[0] = dns.Question{Name: "ruined."}
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		for i, rr := range section {
			*rr.Header() = dns.RR_Header{Name: "ruined.", Ttl: 99999}
			switch rr := rr.(type) {
			case *dns.A:
				clear(rr.A)
				rr.A = append(rr.A, 1, 2, 3, 4)
			case *dns.AAAA:
				clear(rr.AAAA)
				rr.AAAA = append(rr.AAAA, 1, 2, 3, 4)
			case *dns.SRV:
				*rr = dns.SRV{}
			case *dns.PTR:
				*rr = dns.PTR{}
			case *dns.NS:
				*rr = dns.NS{}
			case *dns.SOA:
				*rr = dns.SOA{}
			case *dns.MX:
				*rr = dns.MX{}
			case *dns.CNAME:
				*rr = dns.CNAME{}
			case *dns.CAA:
				*rr = dns.CAA{}
			case *dns.TXT:
				clear(rr.Txt)
			}
			section[i] = nil
		}
		_ = append(section, &dns.A{})
	}
}

// TestAppendedRecordsStayApart: who appends to one section does not write into
// the next.
func TestAppendedRecordsStayApart(t *testing.T) {
	m := loaded(t, texts(shop(t), 7))
	got := ask(t, m, question("pg.db.svc.clusterset.local.", dns.TypeA))
	want := got.Ns[0].String()
	got.Answer = append(got.Answer, test.A("x. 5 IN A 192.0.2.1"))
	if got.Ns[0].String() != want {
		t.Errorf("the authority section is %s now", got.Ns[0])
	}
	got = ask(t, m, question("pg.db.svc.clusterset.local.", dns.TypeA))
	a, b := got.Answer[0].(*dns.A), got.Answer[1].String()
	a.A = append(a.A, 1, 2, 3, 4, 5, 6, 7, 8)
	if got.Answer[1].String() != b {
		t.Errorf("the second record is %s now", got.Answer[1])
	}
}

// TestLastInTheChain: with nobody below, it is this plugin that answers.
func TestLastInTheChain(t *testing.T) {
	m := loaded(t, texts(shop(t), 7))
	m.Next, m.Fall = nil, fall.Root
	answers(t, m, []answerTest{
		{"example.com.", dns.TypeA, "REFUSED"},
		{"nothing.clusterset.local.", dns.TypeA, "NXDOMAIN"},
		{"1.2.3.4.in-addr.arpa.", dns.TypePTR, "NXDOMAIN"},
	})
}

func TestName(t *testing.T) {
	if m := new(Multicluster); m.Name() != "multicluster" {
		t.Error(m.Name())
	}
}
