package dashboard

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// The size of a plot, in units that are about pixels: a page lays several side by
// side, or one below the other on a small screen, instead of shrinking them.
const (
	plotWidth, plotHeight = 340, 190
	plotLeft, plotRight   = 44, 8
	plotTop, plotBottom   = 10, 24
)

// plot draws a figure over time, a line per mode.
func (r *Report) plot(f Figure) template.HTML {
	lastX, lastY := 1.0, 0.0
	for _, m := range r.Modes {
		for _, p := range f.SeriesOf(m) {
			lastX, lastY = max(lastX, p[0]), max(lastY, p[1])
		}
	}
	step := niceStep(lastY)
	topY := step * math.Ceil(max(lastY, step)/step)
	x := func(v float64) float64 { return plotLeft + v/lastX*(plotWidth-plotLeft-plotRight) }
	y := func(v float64) float64 { return plotHeight - plotBottom - v/topY*(plotHeight-plotTop-plotBottom) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s over time">`, plotWidth, plotHeight, html.EscapeString(f.Title))
	if r.Load.Warmup > 0 && r.Load.Warmup < lastX {
		fmt.Fprintf(&b, `<rect class="warmup" x="%d" y="%d" width="%.1f" height="%d"/>`, plotLeft, plotTop, x(r.Load.Warmup)-plotLeft, plotHeight-plotTop-plotBottom)
	}
	for v := 0.0; v <= topY+step/2; v += step {
		fmt.Fprintf(&b, `<path class="grid" d="M%d %.1fH%d"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			plotLeft, y(v), plotWidth-plotRight, plotLeft-5, y(v)+4, axis(v))
	}
	for _, v := range []float64{0, lastX / 2, lastX} {
		anchor := map[float64]string{0: "start", lastX: "end"}[v]
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="%s">%s</text>`, x(v), plotHeight-8, cmp.Or(anchor, "middle"), clock(v))
	}
	for i, m := range r.Modes {
		s := f.SeriesOf(m)
		if len(s) == 0 {
			continue
		}
		points := make([]string, 0, len(s))
		for _, p := range thin(s) {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(p[0]), y(p[1])))
		}
		fmt.Fprintf(&b, `<polyline class="line m%d" points="%s"/>`, i%colors, strings.Join(points, " "))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// colors is the number of colours of modes in page.css.
const colors = 8

// niceStep divides an axis in about four: 1, 2 or 5 times a power of ten.
func niceStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, n := range []float64{1, 2, 5} {
		if most/(n*power) <= 5 {
			return n * power
		}
	}
	return 10 * power
}

func axis(v float64) string {
	switch {
	case v >= 10_000:
		return fmt.Sprintf("%gk", v/1000)
	case v >= 10 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// clock writes seconds as minutes and seconds.
func clock(seconds float64) string {
	n := int(seconds + 0.5)
	return fmt.Sprintf("%d:%02d", n/60, n%60)
}

// mostPoints is as many as a plot can show.
const mostPoints = 400

// thin leaves out points of a long series, but no peak: of each stretch it keeps
// the lowest and the highest.
func thin(s Series) Series {
	if len(s) <= mostPoints {
		return s
	}
	stretch := 2 * len(s) / mostPoints
	var out Series
	for from := 0; from < len(s); from += stretch {
		part := s[from:min(from+stretch, len(s))]
		low, high := 0, 0
		for i, p := range part {
			if p[1] < part[low][1] {
				low = i
			}
			if p[1] >= part[high][1] {
				high = i
			}
		}
		out = append(out, part[min(low, high)])
		if low != high {
			out = append(out, part[max(low, high)])
		}
	}
	return out
}
