package e2e

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// quantile returns the value that a share q of all values do not exceed (nearest rank).
func quantile[T cmp.Ordered](values []T, q float64) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

// median returns the value in the middle, or the mean of the two there.
func median[T ~int64 | ~float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// ms writes a duration in milliseconds.
func ms(d time.Duration) string { return short(float64(d)/float64(time.Millisecond)) + " ms" }

// seconds writes a duration in seconds.
func seconds(d time.Duration) string { return short(d.Seconds()) + " s" }

// mb writes a number of bytes in megabytes.
func mb(bytes float64) string { return short(bytes/1e6) + " MB" }

// thousands writes a rate.
func thousands(perSecond float64) string { return fmt.Sprintf("%.1f k/s", perSecond/1000) }
