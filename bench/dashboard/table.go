package dashboard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// table is rows of cells; the first of each says what the row is.
type table struct {
	Title, Note string
	Head        []string
	Rows        [][]string
}

// decimal writes a number with about three digits.
func decimal(v float64) string {
	digits := 2
	switch abs := max(v, -v); {
	case abs >= 99.95:
		digits = 0
	case abs >= 9.995:
		digits = 1
	}
	text := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Trim(text, "-0.") == "" {
		text = strings.TrimPrefix(text, "-") // no minus before nothing
	}
	return text
}

const none = "–"

func (r *Report) names() []string {
	out := make([]string, 0, len(r.Modes))
	for _, m := range r.Modes {
		out = append(out, m.Name)
	}
	return out
}

// row is one figure of all modes.
func (r *Report) row(title string, cell func(m *Mode) string) []string {
	out := []string{title}
	for _, m := range r.Modes {
		out = append(out, cell(m))
	}
	return out
}

// tables are all tables of the dashboard.
func (r *Report) tables() []table {
	return []table{r.leaks(), r.performance(), r.coverage(), r.matrix()}
}

func (r *Report) head(first string) []string { return append([]string{first}, r.names()...) }

func (r *Report) leaks() table {
	t := table{Title: "Leaks", Head: r.head("growth per minute"), Note: "Least-squares slope ± its standard error. ▲ marks growth beyond the error."}
	for _, f := range Figures {
		if f.Name == P95 || !f.found(r.Modes) {
			continue
		}
		title := f.Title
		if f.Unit != "" {
			title += ", " + f.Unit
		}
		t.Rows = append(t.Rows, r.row(title, func(m *Mode) string {
			g, ok := f.Of(m)
			switch {
			case !ok:
				return none
			case g.Grows:
				return decimal(g.PerMinute) + " ± " + decimal(g.Error) + " ▲"
			}
			return decimal(g.PerMinute) + " ± " + decimal(g.Error)
		}))
	}
	return t
}

func known(v float64) string {
	if v <= 0 {
		return none
	}
	return decimal(v)
}

func (r *Report) performance() table {
	t := table{Title: "Performance", Head: r.head("over the window")}
	add := func(title string, value func(m *Mode) float64) {
		t.Rows = append(t.Rows, r.row(title, func(m *Mode) string { return known(value(m)) }))
	}
	add("Latency P50, ms", func(m *Mode) float64 { return m.Latency.P50 })
	add("Latency P95, ms", func(m *Mode) float64 { return m.Latency.P95 })
	add("Latency P99, ms", func(m *Mode) float64 { return m.Latency.P99 })
	add("Latency max, ms", func(m *Mode) float64 { return m.Latency.Max })
	add("CPU, % of one", func(m *Mode) float64 { return m.CPU })
	add("dockerd CPU, %", func(m *Mode) float64 { return m.DockerdCPU })
	add("RSS, MiB", func(m *Mode) float64 { return m.RSS })
	add("RSS at most, MiB", func(m *Mode) float64 { return m.Peak })
	mean := func(name string) func(*Mode) float64 {
		return func(m *Mode) float64 { return m.Growth[name].Mean }
	}
	add("Goroutines, mean", mean(Goroutines))
	add("FDs, mean", mean(FDs))
	add("Code, lines", func(m *Mode) float64 { return float64(m.Code) })
	if r.Load.Together {
		t.Note = "All modes ran at the same time on one engine: the engine's figures are of all of them."
	}
	return t
}

func (r *Report) coverage() table {
	t := table{Title: "Coverage", Head: r.head("of what was written")}
	t.Rows = append(t.Rows,
		r.row("Containers", func(m *Mode) string {
			return fmt.Sprintf("%d of %d", m.Containers.Covered, m.Containers.All)
		}),
		r.row("  in percent", func(m *Mode) string {
			if m.Containers.All == 0 {
				return none
			}
			return decimal(100*float64(m.Containers.Covered)/float64(m.Containers.All)) + " %"
		}),
		r.row("  not covered", func(m *Mode) string {
			var parts []string
			for driver, n := range m.Containers.Uncovered {
				parts = append(parts, fmt.Sprintf("%d %s", n, driver))
			}
			slices.Sort(parts)
			if parts == nil {
				return none
			}
			return strings.Join(parts, ", ")
		}))
	add := func(title string, value func(l Lines) int) {
		t.Rows = append(t.Rows, r.row(title, func(m *Mode) string { return strconv.Itoa(value(m.Lines)) }))
	}
	add("Lines written", func(l Lines) int { return l.Written })
	add("  not covered", func(l Lines) int { return l.Uncovered })
	add("  lost", func(l Lines) int { return l.Lost })
	add("  repeated", func(l Lines) int { return l.Repeated })
	add("  changed", func(l Lines) int { return l.Changed })
	add("  out of order", func(l Lines) int { return l.Reordered })
	return t
}

func (r *Report) matrix() table {
	t := table{Title: "Decision matrix", Head: r.head("points, 0 to 10 (weight)"), Note: "The total is the weighted mean of what was measured."}
	for _, c := range Criteria {
		t.Rows = append(t.Rows, r.row(fmt.Sprintf("%s (%g)", c.Name, c.Weight), func(m *Mode) string {
			points, ok := m.Parts[c.Name]
			if !ok {
				return none
			}
			return decimal(points)
		}))
	}
	t.Rows = append(t.Rows, r.row("Total", func(m *Mode) string { return decimal(m.Score) }))
	return t
}

// chart is bars of one figure.
type chart struct {
	Title string
	Bars  []bar
}

// bar is one mode's. Share is of the longest, from 0 to 1.
type bar struct {
	Label, Text string
	Share       float64
	Mode        int
}

func (r *Report) charts() []chart {
	growth := func(name string) func(*Mode) float64 {
		return func(m *Mode) float64 { return max(0, m.Growth[name].PerMinute) }
	}
	return []chart{
		r.chart("Goroutines gained per minute", growth(Goroutines)),
		r.chart("File descriptors gained per minute", growth(FDs)),
		r.chart("Latency P95, ms", func(m *Mode) float64 { return m.Latency.P95 }),
		r.chart("CPU, dockerd's included, %", func(m *Mode) float64 { return m.CPU + m.DockerdCPU }),
		r.chart("Containers covered, %", func(m *Mode) float64 {
			return 100 * float64(m.Containers.Covered) / float64(max(m.Containers.All, 1))
		}),
		r.chart("Score", func(m *Mode) float64 { return m.Score }),
	}
}

func (r *Report) chart(title string, value func(*Mode) float64) chart {
	c := chart{Title: title}
	most := 0.0
	for _, m := range r.Modes {
		most = max(most, value(m))
	}
	for i, m := range r.Modes {
		b := bar{Label: m.Name, Text: decimal(value(m)), Mode: i}
		if most > 0 {
			b.Share = value(m) / most
		}
		c.Bars = append(c.Bars, b)
	}
	return c
}
