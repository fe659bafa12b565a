package fleet

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Mix is the share of each log driver.
type Mix []Share

// Share is the share of one driver, in percent.
type Share struct {
	Driver  string
	Percent float64
}

// ParseMix reads "json-file=95,journald=3,syslog=2".
func ParseMix(text string) (Mix, error) {
	var out Mix
	sum := 0.0
	for part := range strings.SplitSeq(text, ",") {
		driver, number, ok := strings.Cut(strings.TrimSpace(part), "=")
		percent, err := strconv.ParseFloat(number, 64)
		switch {
		case !ok || driver == "" || err != nil || percent <= 0 || math.IsInf(percent, 0) || math.IsNaN(percent):
			return nil, fmt.Errorf("cannot read the mix %q: %q is not of the form DRIVER=PERCENT", text, part)
		case slices.ContainsFunc(out, func(s Share) bool { return s.Driver == driver }):
			return nil, fmt.Errorf("cannot read the mix %q: driver %q is there twice", text, driver)
		}
		out = append(out, Share{driver, percent})
		sum += percent
	}
	if math.Abs(sum-100) > 0.01 {
		return nil, fmt.Errorf("cannot use the mix %q: the shares make %g %%, not 100", text, sum)
	}
	return out, nil
}

// String writes the mix as ParseMix reads it.
func (m Mix) String() string {
	parts := make([]string, 0, len(m))
	for _, s := range m {
		parts = append(parts, fmt.Sprintf("%s=%g", s.Driver, s.Percent))
	}
	return strings.Join(parts, ",")
}

// Drivers deals the drivers out to n containers, as close to their shares as can
// be; each has at least one if there are enough containers. The rarest come first.
func (m Mix) Drivers(n int) []string {
	counts := make([]int, len(m))
	left := n
	for i, s := range m {
		counts[i] = int(s.Percent * float64(n) / 100)
		if counts[i] == 0 && n >= len(m) {
			counts[i] = 1
		}
		left -= counts[i]
	}
	for ; left != 0; left -= sign(left) {
		counts[m.furthest(counts, n, sign(left))] += sign(left)
	}
	order := make([]int, len(m))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return counts[a] - counts[b] })
	var out []string
	for _, i := range order {
		out = append(out, slices.Repeat([]string{m[i].Driver}, counts[i])...)
	}
	return out
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

// furthest is the driver that is furthest from its share: below it, or above it
// and not the last of its kind when there are too many containers. Among equals it
// is the rarest.
func (m Mix) furthest(counts []int, n, direction int) (best int) {
	distance := func(i int) float64 {
		if direction < 0 && counts[i] <= 1 {
			return math.Inf(-1)
		}
		return float64(direction) * (m[i].Percent*float64(n)/100 - float64(counts[i]))
	}
	for i, s := range m {
		this, that := distance(i), distance(best)
		if this > that+1e-9 || this > that-1e-9 && s.Percent < m[best].Percent {
			best = i
		}
	}
	return best
}
