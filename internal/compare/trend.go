package compare

import (
	"math"
	"time"
)

// Point is a measurement at a time since some beginning.
type Point struct {
	At    time.Duration
	Value float64
}

// Line is the straight line through points with the least squares.
type Line struct {
	// PerMinute is its slope.
	PerMinute float64
	// Error is the slope's standard error, widened as far as neighbours resemble
	// each other: see Fit.
	Error float64
	// Mean is that of the values, Points their number.
	Mean   float64
	Points int
}

// Fit lays a line through points, which must be in order and about evenly spaced.
// With fewer than three, or all at one time, nothing is known of the slope and
// its error is infinite.
//
// The usual standard error holds for independent deviations. Those of a program's
// goroutines are not: what a burst has opened is still open at the next look. With
// a correlation of r between neighbours, n points tell as much as n(1-r)/(1+r)
// independent ones, so the error is widened by the root of (1+r)/(1-r).
func Fit(points []Point) Line {
	n := float64(len(points))
	out := Line{Points: len(points), Error: math.Inf(1)}
	if len(points) == 0 {
		return out
	}
	var at float64
	for _, p := range points {
		at += p.At.Minutes()
		out.Mean += p.Value
	}
	at, out.Mean = at/n, out.Mean/n
	var xx, xy float64
	for _, p := range points {
		dx := p.At.Minutes() - at
		xx += dx * dx
		xy += dx * (p.Value - out.Mean)
	}
	if len(points) < 3 || xx == 0 {
		return out
	}
	out.PerMinute = xy / xx
	rest := make([]float64, len(points))
	var squares float64
	for i, p := range points {
		rest[i] = p.Value - out.Mean - out.PerMinute*(p.At.Minutes()-at)
		squares += rest[i] * rest[i]
	}
	out.Error = math.Sqrt(squares/(n-2)/xx) * widening(rest, squares)
	return out
}

// mostAlike bounds the correlation of neighbours: it is an estimate, which may
// come to 1.
const mostAlike = 0.95

// widening is the factor for deviations whose neighbours are alike.
func widening(rest []float64, squares float64) float64 {
	// Deviations that are nothing but rounding have no neighbours to speak of.
	if squares < 1e-18 {
		return 1
	}
	var products float64
	for i := 1; i < len(rest); i++ {
		products += rest[i] * rest[i-1]
	}
	r := min(max(products/squares, 0), mostAlike)
	return math.Sqrt((1 + r) / (1 - r))
}

// Sure is how many standard errors a slope has to be from zero to count as one.
// By chance alone that happens to one series in a thousand, and a run looks at
// a few dozen.
const Sure = 3.1

// Grows tells that the slope is above zero beyond its error.
func (l Line) Grows() bool { return l.PerMinute-Sure*l.Error > 0 && l.PerMinute > negligible }

// negligible is a slope per minute that is nothing but rounding, of whatever unit.
const negligible = 1e-9
