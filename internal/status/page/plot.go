package page

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lighterman/lighterman/internal/status/history"
)

// plot is what is drawn of one figure over the last hour.
type plot struct {
	Title, Note string
	// Now and Top are the newest and the highest value in words; Top is where the plot ends.
	Now, Top string
	// Label says in words what the plot shows, for those who do not see it.
	Label string
	Lines []curve
	// Empty is set where nothing is known.
	Empty bool
}

// curve is one line of a plot.
type curve struct {
	Name, Now   string
	Path, Under string
	// Second lines are dashed.
	Second bool
}

// Size of a plot, in its own units.
const (
	plotWidth  = 300
	plotHeight = 70
)

// figure is what a plot is made of.
type figure struct {
	title, note string
	names       []string
	points      []history.Points
	words       func(float64) string
	// least is the highest value that a plot shows at least.
	least float64
	// binary is set for bytes.
	binary bool
}

func (f figure) plot() plot {
	top := math.NaN()
	for _, points := range f.points {
		if m := points.Max(); !math.IsNaN(m) && !(m <= top) {
			top = m
		}
	}
	out := plot{Title: f.title, Note: f.note, Empty: math.IsNaN(top)}
	if out.Empty {
		out.Now, out.Label = dash, f.title+" over the last hour: not known yet"
		return out
	}
	var said []string
	highest := f.words(top)
	top = max(top, f.least)
	unit := 1.0
	for f.binary && top >= 1024*unit {
		unit *= 1024
	}
	top = unit * nice(top/unit)
	out.Top = f.words(top)
	for i, points := range f.points {
		c := curve{Now: f.words(points.Last()), Second: i > 0}
		if i < len(f.names) {
			c.Name = f.names[i]
		}
		c.Path, c.Under = paths(points, top)
		out.Lines = append(out.Lines, c)
		said = append(said, strings.TrimSpace(c.Name+" "+c.Now))
	}
	out.Now = out.Lines[0].Now
	out.Label = fmt.Sprintf("%s over the last hour: now %s, at most %s", f.title, strings.Join(said, ", "), highest)
	return out
}

// nice is the next number that is easily read.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	scale := math.Pow(10, math.Floor(math.Log10(v)))
	for _, step := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8, 10} {
		if v <= step*scale*(1+1e-9) {
			return step * scale
		}
	}
	return 10 * scale
}

// paths draws points as a line with gaps, and the area under it.
func paths(points history.Points, top float64) (line, under string) {
	var l, u []byte
	number := func(b []byte, v float64) []byte { return strconv.AppendFloat(b, math.Round(v*10)/10, 'f', -1, 64) }
	x := func(i int) float64 { return plotWidth * float64(i) / float64(max(len(points)-1, 1)) }
	begun := -1
	end := func(last int) {
		if begun < 0 {
			return
		}
		if begun == last { // a single point is a dot
			l = append(l, "h.1"...)
		}
		u = append(number(append(u, 'L'), x(last)), ' ')
		u = append(number(u, plotHeight), 'Z')
		begun = -1
	}
	for i, v := range points {
		if math.IsNaN(v) {
			end(i - 1)
			continue
		}
		y := plotHeight * (1 - min(v/top, 1))
		command := byte('L')
		if begun < 0 {
			begun, command = i, 'M'
			u = append(number(append(u, 'M'), x(i)), ' ')
			u = number(u, plotHeight)
		}
		l = number(append(number(append(l, command), x(i)), ' '), y)
		u = number(append(number(append(u, 'L'), x(i)), ' '), y)
	}
	end(len(points) - 1)
	return string(l), string(u)
}

// plotsOf are the plots of the overview.
func plotsOf(p *history.Plots) (out []plot) {
	one := func(points history.Points) []history.Points { return []history.Points{points} }
	for _, f := range []figure{
		{title: "Lines read", points: one(p.Lines), words: rate, least: 1},
		{title: "Bytes read", points: one(p.Bytes), words: sizeRate, least: 1024, binary: true},
		{title: "Time to delivery", note: "from Docker’s timestamp to Loki’s answer, of lines written while lighterman keeps up",
			names: []string{"p50", "p95"}, points: []history.Points{p.P50, p.P95}, words: duration, least: 0.1},
		{title: "Lag", note: "of the container furthest behind", points: one(p.Lag), words: duration, least: 1},
		{title: "Repeated pushes", points: one(p.Retries), words: rate, least: 0.1},
		{title: "Refused lines", points: one(p.Refused), words: rate, least: 0.1},
		{title: "Memory", note: "of the process; read and not delivered", names: []string{"all", "lines"}, points: []history.Points{p.Memory, p.Held}, words: size, least: 1 << 20, binary: true},
		{title: "Open files", points: one(p.FDs), words: amount, least: 10},
		{title: "Goroutines", points: one(p.Goroutines), words: amount, least: 10},
	} {
		out = append(out, f.plot())
	}
	return out
}
