package e2e

import (
	"strings"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	var values []time.Duration
	for i := range 200 {
		values = append(values, time.Duration(200-i))
	}
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 100, 0.99: 198, 1: 200} {
		if got := quantile(values, q); got != want {
			t.Errorf("%v of 1 to 200: %d, want %d", q, got, want)
		}
	}
	if got := median([]float64{9, 1, 3, 2}); got != 2.5 {
		t.Errorf("the median of 1, 2, 3 and 9 is %v", got)
	}
	if got := median([]float64{9, 1, 3}); got != 3 {
		t.Errorf("the median of 1, 3 and 9 is %v", got)
	}
}

// TestVerdict: whether a figure is as it must be, and that the table says so.
func TestVerdict(t *testing.T) {
	for verdict, findings := range map[string][]finding{
		"✓": {{ratios: []float64{2}, atLeast: 2}, {ratios: []float64{2}, atMost: 2}, {ratios: []float64{1, 2, 9}, atMost: 2}, {ratios: []float64{9}, pooled: 1, atMost: 2}},
		"✗": {{ratios: []float64{1.9}, atLeast: 2}, {ratios: []float64{2.1}, atMost: 2}, {ratios: []float64{1}, pooled: 3, atMost: 2}},
		"":  {{ratios: []float64{5}}},
	} {
		for _, f := range findings {
			f.what = "speed"
			r := &report{findings: []finding{f}}
			line := strings.Split(r.table(), "\n")[2]
			cells := strings.Split(line, "|")
			if got := strings.TrimSpace(cells[len(cells)-2]); got != verdict {
				t.Errorf("%+v: %q, want %q", f, got, verdict)
			}
		}
	}
}
