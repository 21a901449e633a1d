package multicluster

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clusterset-dns/zonegen/zone"

	"github.com/coredns/coredns/plugin/transfer"

	"github.com/miekg/dns"
)

// transferred is what Transfer sends.
func transferred(t testing.TB, tr transfer.Transferer, zone string, serial uint32) []dns.RR {
	t.Helper()
	ch, err := tr.Transfer(zone, serial)
	if err != nil {
		t.Fatal(err)
	}
	var all []dns.RR
	for batch := range ch {
		for _, rr := range batch {
			if soa, ok := rr.(unseenSOA); ok {
				rr = soa.SOA
			}
			all = append(all, rr)
		}
	}
	return all
}

func TestTransfer(t *testing.T) {
	files := texts(shop(t), 4_000_000_000)
	m := loaded(t, files)
	for origin, text := range files {
		got := transferred(t, m, origin, 0)
		if got[0].String() != got[len(got)-1].String() || got[0].Header().Rrtype != dns.TypeSOA {
			t.Errorf("%s: it does not begin and end with the SOA: %v", origin, got)
		}
		var lines []string
		for _, rr := range got[1:] {
			lines = append(lines, rr.String())
		}
		slices.Sort(lines)
		if want := dumpOf(t, origin, text); strings.Join(lines, "\n") != want {
			t.Errorf("%s: got\n%s\nwant\n%s", origin, strings.Join(lines, "\n"), want)
		}
		names := []string{}
		for _, rr := range got[:len(got)-1] {
			names = append(names, rr.Header().Name)
		}
		for i := range names[1:] {
			if a, b := names[i], names[i+1]; order(branchOf(origin, a), branchOf(origin, b)) > 0 {
				t.Errorf("%s is before %s", a, b)
			}
		}
	}
	for serial, want := range map[uint32]bool{
		0: false, 1: true, 3_999_999_999: false, 4_000_000_000: true, 4_000_000_001: true,
		4_000_000_000 - 1<<31: false, // 2^31 apart: nobody can say which is newer
	} {
		if got := transferred(t, m, clusterset, serial); (len(got) == 1) != want {
			t.Errorf("serial %d: %d records", serial, len(got))
		}
	}
	for _, name := range []string{"shop.svc.clusterset.local.", "local.", "example.com.", "."} {
		if _, err := m.Transfer(name, 0); err != transfer.ErrNotAuthoritative {
			t.Errorf("%s: %v", name, err)
		}
	}
	notLoaded := &zones{zones: []*fileZone{newZone(options{zone: "z.", dir: t.TempDir(), limits: defaultLimits})}}
	if _, err := notLoaded.Transfer("z.", 0); err != errNotLoaded {
		t.Errorf("not loaded: %v", err)
	}
}

func branchOf(zone, name string) string { return name[cut(branchingOf(zone), name):] }

// TestTransferFallsBack: a zone that CoreDNS' file package holds.
func TestTransferFallsBack(t *testing.T) {
	m := loaded(t, map[string]string{"example.org.": zoneFile("example.org.", 7, "a CNAME b")})
	if got := transferred(t, m, "example.org.", 0); len(got) != 5 {
		t.Errorf("got %v", got)
	}
	if got := transferred(t, m, "example.org.", 7); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// TestTransferIsOneVersion loads other versions while one is sent.
func TestTransferIsOneVersion(t *testing.T) {
	z, dir := oneZone(t)
	set := newSet(t, zone.Options{NoReverse: true})
	services := clusterOf(200, 20)
	set.Apply(zone.Changes{Services: services})
	first := set.Snapshots()[0]
	want := strings.Split(dumpOf(t, clusterset, string(first.Append(nil, 1))), "\n")
	put(t, dir, "db.clusterset.local", string(first.Append(nil, 1)))
	z.check(t.Context())
	ch, err := (&zones{zones: []*fileZone{z}}).Transfer(clusterset, 0)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	serial := uint32(2)
	for batch := range ch {
		for _, rr := range batch {
			got = append(got, rr.String())
		}
		set.Apply(zone.Changes{Removed: []zone.Key{services[serial].Key, services[200-serial].Key}})
		put(t, dir, "db.clusterset.local", string(set.Snapshots()[0].Append(nil, serial)))
		z.check(t.Context())
		serial++
	}
	got = got[1:] // the SOA is at both ends
	slices.Sort(got)
	if !slices.Equal(got, want) || serial < 10 {
		t.Errorf("%d records, not %d, after %d versions", len(got), len(want), serial)
	}
}

// TestTransferOverTheWire asks a server, and counts how often it notifies.
func TestTransferOverTheWire(t *testing.T) {
	dir := t.TempDir()
	secondary, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var notified, refused atomic.Int32
	var ids sync.Map // CoreDNS repeats a message that is not answered soon
	hold := make(chan struct{})
	answers := &dns.Server{PacketConn: secondary, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		if r.Opcode != dns.OpcodeNotify || r.Question[0].Name != clusterset {
			refused.Add(1)
		}
		if _, again := ids.LoadOrStore(r.Id, true); !again && notified.Add(1) == 2 {
			<-hold // this one takes its time
		}
		_ = w.WriteMsg(new(dns.Msg).SetReply(r))
	})}
	go func() { _ = answers.ActivateAndServe() }()
	t.Cleanup(func() { must(t, answers.Shutdown()) })

	file := func(serial uint32) string {
		return zoneFile(clusterset, serial, fmt.Sprintf("a.b.svc 5 A 192.0.2.%d", serial))
	}
	put(t, dir, "db.clusterset.local", file(1))
	s := serverOn(t, dir, `clusterset.local:0 {
		bind 127.0.0.1
		transfer {
			to * `+secondary.LocalAddr().String()+`
		}
		multicluster {
			directory DIR
		}
	}`)
	until(t, "the first NOTIFY", func() bool { return notified.Load() == 1 })

	get := func(r *dns.Msg) []dns.RR { return s.transfer(t, new(dns.Transfer), r) }
	if got := get(new(dns.Msg).SetAxfr(clusterset)); len(got) != 5 {
		t.Errorf("AXFR: %v", got)
	}
	ixfr := new(dns.Msg).SetIxfr(clusterset, 1, "ns.dns.clusterset.local.", "hostmaster.clusterset.local.")
	if got := s.exchange(t, "tcp", ixfr); len(got.Answer) != 1 {
		t.Errorf("IXFR: %v", got)
	}
	if got := get(new(dns.Msg).SetIxfr(clusterset, 0, "ns.dns.clusterset.local.", "hostmaster.clusterset.local.")); len(got) != 5 {
		t.Errorf("IXFR of everything: %v", got)
	}
	if got := brief(s.ask(t, clusterset, dns.TypeAXFR)); got != "REFUSED" {
		t.Errorf("AXFR over UDP: %s", got)
	}
	if got := brief(s.exchange(t, "udp", ixfr)); got != "REFUSED" {
		t.Errorf("IXFR over UDP: %s", got)
	}

	// While the second NOTIFY takes its time, more changes come. They are told once.
	for serial := uint32(2); serial < 12; serial++ {
		put(t, dir, "db.clusterset.local", file(serial))
		until(t, "the change is served", func() bool {
			return s.ask(t, clusterset, dns.TypeSOA).Answer[0].(*dns.SOA).Serial == serial
		})
		if serial == 2 {
			until(t, "the second NOTIFY", func() bool { return notified.Load() == 2 })
		}
	}
	if got := get(new(dns.Msg).SetIxfr(clusterset, 3, "ns.dns.clusterset.local.", "hostmaster.clusterset.local.")); len(got) != 6 || serialOf(t, got[1]) != 3 {
		t.Errorf("IXFR from 3: %v", got)
	}
	close(hold)
	until(t, "the third NOTIFY", func() bool { return notified.Load() == 3 })
	put(t, dir, "db.clusterset.local", file(12))
	until(t, "the fourth NOTIFY", func() bool { return notified.Load() == 4 })
	if refused.Load() != 0 {
		t.Error("another message came")
	}
}

func TestOrder(t *testing.T) {
	// RFC 4034 section 6.1.
	sorted := []string{"example.", "a.example.", "yljkjljk.a.example.", "z.a.example.", "zabc.a.example.", "z.example.", `a\.b.z.example.`, "x.z.example."}
	for i, a := range sorted {
		for j, b := range sorted {
			if got, want := order(a, b), i-j; (got < 0) != (want < 0) || (got > 0) != (want > 0) {
				t.Errorf("%s, %s: %d", a, b, got)
			}
		}
	}
}

// TestNotifiesWhenItListens: who is notified at the start, or when the Corefile was
// reloaded, gets an answer at once.
func TestNotifiesWhenItListens(t *testing.T) {
	dir, address := t.TempDir(), "127.0.0.1:"+freePort(t)
	secondary, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 10)
	answers := &dns.Server{PacketConn: secondary, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		_, err := dns.Exchange(question(clusterset, dns.TypeSOA), address)
		asked <- err
		_ = w.WriteMsg(new(dns.Msg).SetReply(r))
	})}
	go func() { _ = answers.ActivateAndServe() }()
	t.Cleanup(func() { must(t, answers.Shutdown()) })

	put(t, dir, fileOf(clusterset), zoneFile(clusterset, 1))
	corefile := strings.Replace(`clusterset.local:PORT {
		bind 127.0.0.1
		transfer {
			to * `+secondary.LocalAddr().String()+`
		}
		multicluster clusterset.local never.example {
			directory DIR
			startup_timeout 100ms
		}
	}`, "PORT", address[len("127.0.0.1:"):], 1)
	s := serverOn(t, dir, corefile)
	if err := <-asked; err != nil {
		t.Errorf("at the start: %v", err)
	}
	must(t, s.restart(dir, corefile))
	if err := <-asked; err != nil {
		t.Errorf("after a reload: %v", err)
	}
}

// TestTransfersWhileReloading: each transfer over TCP is one version, however often the
// zone changes while it is sent. Each version has other addresses than the others.
func TestTransfersWhileReloading(t *testing.T) {
	dir := t.TempDir()
	const hosts = 4000 // three messages
	file := func(serial uint32) string {
		lines := make([]string, hosts)
		for i := range lines {
			lines[i] = fmt.Sprintf("h%d.a.b.svc 5 A 10.%d.%d.%d", i, serial>>16, serial>>8&255, serial&255)
		}
		return zoneFile(clusterset, serial, lines...)
	}
	put(t, dir, fileOf(clusterset), file(1))
	s := serverOn(t, dir, transferring)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	written := uint32(1)
	writing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				written++
				put(t, dir, fileOf(clusterset), file(written))
			}
		}
	})
	end := sync.OnceFunc(func() {
		close(stop)
		writing.Wait()
	})
	defer end()
	serials := make(map[uint32]bool)
	for len(serials) < 20 {
		all := s.signedTransfer(t, new(dns.Msg).SetAxfr(clusterset))
		serial := serialOf(t, all[0])
		if len(all) != hosts+4 || serialOf(t, all[len(all)-1]) != serial {
			t.Fatalf("%d records, from %s to %s", len(all), all[0], all[len(all)-1])
		}
		want := fmt.Sprintf("10.%d.%d.%d", serial>>16, serial>>8&255, serial&255)
		for _, rr := range all[3 : len(all)-1] {
			if a, ok := rr.(*dns.A); !ok || a.A.String() != want {
				t.Fatalf("serial %d: %s", serial, rr)
			}
		}
		serials[serial] = true
	}
	end()
	t.Logf("%d of %d versions were transferred", len(serials), written)
}
