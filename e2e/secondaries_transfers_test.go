package e2e

import (
	"regexp"
	"strconv"
	"testing"
)

// transfers counts how a secondary got the versions of clusterset.local.
type transfers struct{ incremental, whole int }

func (c *transfers) add(more transfers) {
	c.incremental += more.incremental
	c.whole += more.whole
}

// transfersIn finds the transfers in what a secondary has printed.
func transfersIn(t testing.TB, server, printed string) transfers {
	t.Helper()
	switch server {
	case "BIND":
		return bySize(t, printed, `transfer of 'clusterset.local/IN' .* Transfer completed: .* (\d+) bytes, `)
	case "NSD":
		return bySize(t, printed, `zone clusterset.local. received update .* of (\d+) bytes in`)
	}
	count := func(pattern string) int { return len(regexp.MustCompile(pattern).FindAllString(printed, -1)) }
	return transfers{
		incremental: count(`\[clusterset.local.\] IXFR, incoming, .* finished`),
		whole:       count(`\[clusterset.local.\] AXFR(-style IXFR)?, incoming, .* finished`) + count(`Transferred: clusterset.local. from`),
	}
}

// bySize takes transfers for such of the whole zone if they are large: BIND and NSD log the octets only. The zone of
// the test takes some 100,000, and the difference that a few changes make a tenth at most.
func bySize(t testing.TB, printed, pattern string) (c transfers) {
	t.Helper()
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(printed, -1) {
		octets, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		if octets < 50_000 {
			c.incremental++
		} else {
			c.whole++
		}
	}
	return c
}
