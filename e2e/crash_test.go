package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/clusterset-dns/zonegen/zone"
)

// How often TestCrashes kills a program in each of its parts. A new leader takes seconds to go on, so ConfigMaps get fewer.
const (
	killsEnv     = "ZONEGEN_E2E_KILLS"
	defaultKills = 20
	ofConfigMaps = 5 // times fewer
)

// TestCrashes kills zonegen, and CoreDNS with our plugin, with SIGKILL at random moments while services change all the time.
// At every moment each zone is whole and one that was true not long before, no serial goes back or has two contents (see
// [follower]), and the program that is started again goes on from there.
func TestCrashes(t *testing.T) {
	kills, seed := numberFromEnv(t, killsEnv, defaultKills), numberFromEnv(t, seedEnv, 1+rand.IntN(1<<30))
	t.Logf("%s=%d %s=%d", seedEnv, seed, killsEnv, kills)
	c := newNumbered(t, uint64(seed))
	onDisks, amid := 0, 0 // kills, and those amid a publication: half of them on a disk, and few in memory, as it is quick there
	onDisk := func(t *testing.T, layout string) {
		t.Helper()
		onDisks += kills
		amid += killZonegen(t, c, t.TempDir(), layout, kills)[amidFile]
	}
	t.Run("zonegen", func(t *testing.T) { onDisk(t, "single") })
	t.Run("zonegen, chunked", func(t *testing.T) { onDisk(t, "chunked") })
	if onDisks >= defaultKills && amid == 0 && !t.Failed() {
		t.Error("no kill hit a publication in the middle")
	}
	t.Run("CoreDNS", func(t *testing.T) { killCoreDNS(t, c, "single", kills) })
	t.Run("CoreDNS, chunked", func(t *testing.T) { killCoreDNS(t, c, "chunked", kills) })
	c.addLasting(t, 8) // more than 1 MiB, which makes spares on tmpfs, and shards
	t.Run("zonegen in memory", func(t *testing.T) { killZonegen(t, c, ramDir(t), "single", kills) })
	t.Run("ConfigMap", func(t *testing.T) { killConfigMap(t, c, max(1, kills/ofConfigMaps)) })
}

// victim is a zonegen that is killed again and again.
type victim struct {
	*process
	c      *numbered
	dir    string
	looks  *onlooker
	phases map[string]int
	left   []string          // temporary files after the last kill
	said   map[string]uint32 // the last serials in the log
	took   []time.Duration   // from kills until all was published again
}

// killZonegen kills a zonegen that writes files, and returns how often in which phase.
func killZonegen(t *testing.T, c *numbered, dir, layout string, kills int) (phases map[string]int) {
	t.Helper()
	works := happeningsIn(t, dir, func(e fsnotify.Event) bool {
		return e.Op&(fsnotify.Create|fsnotify.Write) != 0 && strings.HasPrefix(filepath.Base(e.Name), zone.TempPrefix)
	})
	v := &victim{
		c: c, dir: dir, looks: newOnlooker(t, c, dir, nil), phases: make(map[string]int), said: make(map[string]uint32),
		process: run(t, zonegen(t), "run", "--kubeconfig", c.kubeconfig, "--zone-dir", dir, "--layout", layout,
			"--min-interval", "20ms", "--deletion-guard", "0", "--http", ""),
	}
	slow := newOnlooker(t, c, dir, func() {
		if rand.IntN(4) == 0 { // a file that is open is no spare
			<-time.After(rand.N(100 * time.Millisecond))
		}
	})
	stops := []func(){v.looks.follow(), slow.follow(), c.keepWriting(t)}
	begun, states := time.Now(), c.now()
	l := &life{t: t, rng: c.rng, works: works, starting: 500 * time.Millisecond, wakes: func() {
		t.Helper()
		v.eventually("what was true at the start is published", func() error { return v.looks.reached(states) })
		v.took = append(v.took, time.Since(begun))
	}}
	for range kills {
		l.wait()
		if len(v.took) > 0 {
			l.starting = median(v.took)
		}
		v.kill()
		v.examine()
		begun, states = time.Now(), c.now()
		v.restart()
		if t.Failed() {
			break
		}
	}
	for i := len(stops) - 1; i >= 0; i-- { // the writers first
		stops[i]()
	}
	t.Logf("%s", v.looks)
	t.Logf("%s, by a slow reader", slow)
	t.Logf("kills: %v", v.phases)
	times(t, "from the start after a kill until all was published", v.took)
	v.settle()
	return v.phases
}

// What zonegen did when it was killed.
const (
	atStart      = "at its start, before its log began"
	amidStart    = "before its first publication"
	amidFile     = "while it wrote a file"
	amidSpare    = "while it changed a spare"
	betweenFiles = "between two files of one publication"
	otherwise    = "otherwise"
)

// examine looks at what a kill has left.
func (v *victim) examine() {
	v.t.Helper()
	v.looks.look(true)
	for _, m := range regexp.MustCompile(`msg=published zone=(\S+) serial=(\d+)`).FindAllStringSubmatch(v.output(), -1) {
		serial, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			v.t.Fatal(err)
		}
		if last, is := v.said[m[1]]; is && !zone.SerialLess(last, uint32(serial)) {
			v.t.Errorf("serial %d of %s was published after %d", serial, m[1], last)
		}
		v.said[m[1]] = uint32(serial)
	}
	for origin, serial := range v.said {
		if is := v.looks.serial(origin); zone.SerialLess(is, serial) {
			v.t.Errorf("%s has serial %d after %d was published", origin, is, serial)
		}
	}
	v.phases[v.phase()]++
}

func (v *victim) phase() string {
	v.t.Helper()
	left := temporaries(v.t, v.dir)
	fresh := slices.DeleteFunc(slices.Clone(left), func(name string) bool { return slices.Contains(v.left, name) })
	v.left = left
	switch log := v.output(); {
	case slices.ContainsFunc(fresh, v.isHalfSpare):
		return amidSpare
	case v.isAmidFile(fresh):
		return amidFile
	case !strings.Contains(log, "msg=starting"):
		return atStart
	case !strings.Contains(log, "msg=published") && !strings.Contains(log, "msg=ready"):
		return amidStart
	case v.looks.apart():
		return betweenFiles
	}
	return otherwise
}

// isHalfSpare reports whether a temporary file has the first octet of one that is neither what it was nor what it will be.
func (v *victim) isHalfSpare(name string) bool {
	v.t.Helper()
	return strings.HasPrefix(readFile(v.t, name), ")")
}

// isAmidFile tells from new temporary files whether a file was being written. One may be a spare that waits, if it is as
// large as a spare.
func (v *victim) isAmidFile(temporaries []string) bool {
	v.t.Helper()
	if len(temporaries) != 1 {
		return len(temporaries) > 1
	}
	spare, err := os.Stat(temporaries[0])
	if err != nil {
		v.t.Fatal(err)
	}
	file, err := os.Stat(filepath.Join(v.dir, "db.clusterset.local"))
	return err != nil || os.SameFile(spare, file) || spare.Size() < 1<<20
}

// settle lets zonegen live, and compares what it has published in the end with the cluster.
func (v *victim) settle() {
	v.t.Helper()
	v.eventually("the last state is published", func() error {
		v.looks.look(true)
		if v.looks.err != nil {
			v.t.Fatal(v.looks.err)
		}
		return v.looks.reached(v.c.now())
	})
	v.waitOutput("msg=ready")
	for _, f := range v.looks.zones {
		v.c.isRendered(v.t, f.origin, string(f.newest.text))
	}
	(&daemon{process: v.process, zones: v.dir}).checkAll()
	if code := v.stop(); code != 0 {
		v.t.Errorf("exit code %d", code)
	}
	if left := temporaries(v.t, v.dir); len(left) > 0 {
		v.t.Errorf("%q are left", left)
	}
}

// isRendered compares a zone with what zonegen render makes of the cluster.
func (c *numbered) isRendered(t testing.TB, origin, text string) {
	t.Helper()
	rendered, _ := verb(t, 0, "render", strings.TrimSuffix(origin, "."), "--kubeconfig", c.kubeconfig, "--log-level", "error", "--serial", fmt.Sprint(serialOf(text)))
	// The time of change is not part of the zone.
	if is := regexp.MustCompile(` ; changed .*`).ReplaceAllString(text, ""); is != rendered {
		t.Errorf("%s is published with %d octets, and rendered with %d", origin, len(is), len(rendered))
	}
}
