package e2e

import (
	"fmt"
	"testing"
	"time"
)

// measureRSS compares the memory of zonegen with that of the server that watches the API itself.
func measureRSS(b testing.TB, s *scene) {
	changes, settle, layouts := 100, 20*time.Second, []string{"single", "chunked"}
	if s.quick {
		changes, settle, layouts = 40, 10*time.Second, layouts[:1]
	}
	for _, size := range s.sizes() {
		p := s.population(size)
		memory := func(how string) (float64, float64) {
			var side *side
			if how == "kubernetes" {
				side = p.inMemory(b, "")
			} else {
				side = p.ours(b, how)
			}
			defer side.stop()
			p.latencies(b, side, changes, 1)
			time.Sleep(settle) // memory that is free goes back to the system little by little
			return side.processes[len(side.processes)-1].memory(b)
		}
		theirs, theirPeak := memory("kubernetes")
		for _, layout := range layouts {
			ours, peak := memory(layout)
			s.found(finding{
				what: fmt.Sprintf("zonegen's RSS, %s records, %s", label(size), layout), peer: "server of the in-memory plugin",
				ours: mb(ours), their: mb(theirs), ratios: []float64{ours / theirs}, atMost: 0.6,
			})
			s.found(finding{
				what: fmt.Sprintf("… at its peak, %s records, %s", label(size), layout), peer: "server of the in-memory plugin",
				ours: mb(peak), their: mb(theirPeak), ratios: []float64{peak / theirPeak},
			})
		}
	}
}
