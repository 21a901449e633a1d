package e2e

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/miekg/dns"

	"github.com/clusterset-dns/zonegen/zone"
)

// killCoreDNS kills a CoreDNS with our plugin, which serves the zones of a zonegen that lives, and is asked all the time.
func killCoreDNS(t *testing.T, c *numbered, layout string, kills int) {
	t.Helper()
	dir, port := t.TempDir(), freePort(t)
	file := filepath.Join(dir, "db.clusterset.local")
	z := run(t, zonegen(t), "run", "--kubeconfig", c.kubeconfig, "--zone-dir", dir, "--layout", layout,
		"--min-interval", "20ms", "--deletion-guard", "0", "--http", "")
	z.waitOutput("msg=ready")
	looks := newOnlooker(t, c, dir, nil)
	looks.look(true)
	works := happeningsIn(t, dir, func(e fsnotify.Event) bool {
		return e.Has(fsnotify.Create) && e.Name == file
	})
	stopLooking, stopWriting := looks.follow(), c.keepWriting(t)
	a := &asker{t: t, c: c, port: port, rng: rand.New(rand.NewPCG(c.rng.Uint64(), 0)), served: newFollower(t, c, clusterset)}
	found := looks.serial(clusterset)
	server := run(t, coredns(t), "-conf", corefile(t, port, fmt.Sprintf("multicluster clusterset.local {\n directory %s\n}\n transfer {\n to *\n}", dir)))
	var took []time.Duration
	phases := make(map[string]int)
	begun := time.Now()
	stop := a.begin(found)
	l := &life{t: t, rng: c.rng, works: works, starting: 500 * time.Millisecond, wakes: func() {
		t.Helper()
		select {
		case <-a.answered:
			took = append(took, a.at.Sub(begun))
		case <-a.silent:
			t.Fatal("nobody asks any more")
		case <-time.After(patience):
			t.Fatal("there is no answer")
		}
	}}
	for range kills {
		l.wait()
		if len(took) > 0 {
			l.starting = median(took)
		}
		close(a.dying)
		at := time.Now()
		server.kill()
		phase := stop()
		if info, err := os.Stat(file); err != nil {
			t.Fatal(err)
		} else if age := at.Sub(info.ModTime()); phase == whileItAnswered && age < loading {
			phase = amidLoad
		}
		phases[phase]++
		looks.look(true)
		found := looks.serial(clusterset) // before the server can read a newer file than this
		begun = time.Now()
		server.restart()
		stop = a.begin(found)
		if t.Failed() {
			break
		}
	}
	l.wakes()
	stopWriting()
	server.eventually("the last state is served", func() error { return a.reached(c.now()) })
	close(a.dying)
	stop()
	stopLooking()
	t.Logf("%d answers and %d versions of the zone, at most %s old", a.answers, a.served.seen, a.served.lag.Round(time.Millisecond))
	t.Logf("kills: %v", phases)
	times(t, "from the start after a kill to the first answer", took)
}

// asker asks a server all the time, over its lives.
type asker struct {
	t      testing.TB
	c      *numbered
	port   int
	rng    *rand.Rand
	served *follower
	serial uint32 // no older one may be served

	answered chan struct{} // closed at the first answer of this life
	at       time.Time     // when that was
	dying    chan struct{} // closed before this life is ended
	silent   chan struct{} // closed when it does not ask any more
	wanted   chan stateQuery
	answers  int
}

// stateQuery is the question whether a transfer has that state.
type stateQuery struct {
	states [kinds]int
	reply  chan error
}

// What CoreDNS did when it was killed.
const (
	beforeAnswer    = "before its first answer"
	amidTransfer    = "during a transfer"
	amidLoad        = "within 10 ms of a new version"
	whileItAnswered = "otherwise, while it answered"

	loading = 10 * time.Millisecond
)

// begin asks until stop is called, which returns what was cut off. No answer may be older than what is in the file.
func (a *asker) begin(onDisk uint32) (stop func() string) {
	a.answered, a.dying, a.silent, a.wanted = make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan stateQuery)
	if zone.SerialLess(a.serial, onDisk) || a.serial == 0 {
		a.serial = onDisk
	}
	conn, err := net.Dial("udp", loopback(a.port))
	if err != nil {
		a.t.Fatal(err)
	}
	phase, silent := beforeAnswer, a.silent
	go func() {
		defer close(silent)
		if !a.first(conn) {
			return
		}
		phase = whileItAnswered
		close(a.answered)
		for i := 0; ; i++ {
			what, err := whileItAnswered, error(nil)
			select {
			case want := <-a.wanted:
				err := a.transfer()
				if err == nil {
					err = a.served.isOf(want.states)
				}
				want.reply <- err
				continue
			default:
			}
			switch {
			case i%16 == 0:
				what, err = amidTransfer, a.transfer()
			case i%4 == 0:
				err = a.soa(conn)
			default:
				err = a.address(conn, kind(i%2))
			}
			if err == nil {
				a.answers++
				continue
			}
			select {
			case <-a.dying:
				if wrong := (*wrongAnswer)(nil); errors.As(err, &wrong) {
					a.t.Error(err)
				}
				phase = what
			default:
				a.t.Error(err)
			}
			return
		}
	}()
	return func() string {
		_ = conn.Close()
		<-silent
		return phase
	}
}

// wrongAnswer is an answer that is wrong, as opposed to none.
type wrongAnswer struct{ error }

// first waits for the first answer, which must be one. It returns false if there was none.
func (a *asker) first(conn net.Conn) bool {
	for {
		err := a.soa(conn)
		if err == nil {
			a.at = time.Now()
			return true
		}
		if wrong := (*wrongAnswer)(nil); errors.As(err, &wrong) {
			a.t.Errorf("the first answer: %v", err)
			return false
		}
		select {
		case <-a.dying:
			return false
		case <-time.After(time.Millisecond):
		}
	}
}

// ask asks over UDP.
func (a *asker) ask(conn net.Conn, name string, qtype uint16) (*dns.Msg, error) {
	answer, _, err := (&dns.Client{Timeout: patience, UDPSize: dns.MaxMsgSize}).
		ExchangeWithConn(new(dns.Msg).SetQuestion(name, qtype), &dns.Conn{Conn: conn})
	if err != nil {
		return nil, err
	}
	if !answer.Authoritative || answer.Rcode != dns.RcodeSuccess && answer.Rcode != dns.RcodeNameError {
		return nil, &wrongAnswer{fmt.Errorf("the answer to %s is\n%v", name, answer)}
	}
	return answer, nil
}

// soa asks for the serial.
func (a *asker) soa(conn net.Conn) error {
	answer, err := a.ask(conn, clusterset, dns.TypeSOA)
	if err != nil {
		return err
	}
	soa, is := first(answer).(*dns.SOA)
	if !is {
		return &wrongAnswer{fmt.Errorf("no SOA in\n%v", answer)}
	}
	return a.isServed(soa.Serial)
}

func (a *asker) isServed(serial uint32) error {
	if zone.SerialLess(serial, a.serial) {
		return &wrongAnswer{fmt.Errorf("serial %d is served after %d was, or was in the file", serial, a.serial)}
	}
	a.serial = serial
	return nil
}

// address asks for the addresses of a service whose import changes, or whose slices do.
func (a *asker) address(conn net.Conn, k kind) error {
	object := a.c.objects[k][a.rng.IntN(len(a.c.objects[k]))]
	key, scope := keyOf(object), []string{object}
	if k == endpointSlices {
		scope = nil
		for _, cluster := range sliceClusters {
			scope = append(scope, key.String()+"/"+cluster)
		}
	}
	answer, err := a.ask(conn, key.Name+"."+key.Namespace+"."+svc, dns.TypeA)
	if err != nil {
		return err
	}
	shown, want := nothingShown(), 0
	for _, rr := range answer.Answer {
		if err := a.c.note(&shown, strings.Fields(rr.String())[4]); err != nil {
			return &wrongAnswer{err}
		}
	}
	for _, n := range shown[k] {
		want++
		if k == endpointSlices {
			want += endpointsOf(n) - 1
		}
	}
	if len(answer.Answer) != want {
		return &wrongAnswer{fmt.Errorf("%d addresses, not %d, in\n%v", len(answer.Answer), want, answer)}
	}
	if err := a.served.seeAnswer(k, shown[k], scope, time.Now()); err != nil {
		return &wrongAnswer{fmt.Errorf("%w: the answer is\n%v", err, answer)}
	}
	return nil
}

// transfer asks for the whole zone.
func (a *asker) transfer() error {
	records, err := receive(new(dns.Transfer), new(dns.Msg).SetAxfr(clusterset), loopback(a.port))
	if err != nil {
		return err
	}
	if err := a.served.seeRecords(records, time.Now()); err != nil {
		return &wrongAnswer{err}
	}
	return a.isServed(a.served.newest.serial)
}

// reached returns nil when a transfer has that state.
func (a *asker) reached(states [kinds]int) error {
	reply := make(chan error)
	select {
	case a.wanted <- stateQuery{states, reply}:
	case <-a.silent:
		a.t.Fatal("nobody asks any more")
	}
	return <-reply
}
