package compare

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// WriteText writes the survey for people.
func (s *Survey) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d containers, looked at for %.0f s; nothing was written or sent.\n\n", len(s.Containers), s.Seconds)
	s.table(&b, "", func(m Mode) string { return m.Mode },
		row{"containers covered", func(m Mode) string { return fmt.Sprintf("%d of %d", m.Covered(), len(s.Containers)) }},
		row{"  by file", func(m Mode) string { return fmt.Sprint(m.Files) }},
		row{"  by journal", func(m Mode) string { return fmt.Sprint(m.Journal) }},
		row{"  by API", func(m Mode) string { return fmt.Sprint(m.API) }},
		row{"  by nobody", func(m Mode) string { return fmt.Sprint(m.Unreadable) }},
		row{"goroutines for them", func(m Mode) string { return fmt.Sprint(m.Goroutines) }},
		row{"descriptors for them", func(m Mode) string { return fmt.Sprint(m.Descriptors) }},
		row{"streams that dockerd serves", func(m Mode) string { return fmt.Sprint(m.DockerdStreams) }},
		row{"growth that goes through dockerd", func(m Mode) string {
			text := size(m.DockerdBytesPerSecond) + "/s"
			if m.Unknown > 0 {
				text += fmt.Sprintf(" + %d unknown", m.Unknown)
			}
			return text
		}},
		row{"dockerd reads again at a start", func(m Mode) string { return size(float64(m.DockerdRereads)) }},
	)
	s.drivers(&b)
	s.busiest(&b)
	s.unreadable(&b)
	if s.Measured != nil {
		s.Measured.write(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

type row struct {
	title string
	cell  func(Mode) string
}

func (s *Survey) table(b *strings.Builder, corner string, head func(Mode) string, rows ...row) {
	w := tabwriter.NewWriter(b, 0, 0, 3, ' ', 0)
	for _, r := range append([]row{{corner, head}}, rows...) {
		_, _ = io.WriteString(w, r.title)
		for _, m := range s.Modes {
			_, _ = io.WriteString(w, "\t"+r.cell(m))
		}
		_, _ = io.WriteString(w, "\n")
	}
	_ = w.Flush() // to memory
}

func (s *Survey) drivers(b *strings.Builder) {
	counts := make(map[string]int)
	for _, c := range s.Containers {
		counts[c.Driver]++
	}
	b.WriteString("\nlog drivers:")
	for _, driver := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(b, " %s %d (%.1f %%)", driver, counts[driver], 100*float64(counts[driver])/float64(len(s.Containers)))
	}
	b.WriteString("\n")
}

// mostShown is how many of the busiest containers are told.
const mostShown = 5

func (s *Survey) busiest(b *strings.Builder) {
	total, list := 0.0, slices.Clone(s.Containers)
	for _, c := range list {
		total += c.BytesPerSecond
	}
	fmt.Fprintf(b, "logs in files grow by %s/s in all", size(total))
	slices.SortStableFunc(list, func(x, y Container) int {
		switch {
		case x.BytesPerSecond > y.BytesPerSecond:
			return -1
		case x.BytesPerSecond < y.BytesPerSecond:
			return 1
		}
		return 0
	})
	for i, c := range list[:min(mostShown, len(list))] {
		if c.BytesPerSecond == 0 {
			break
		}
		b.WriteString([]string{"; most of it: ", ", "}[min(i, 1)])
		mark := ""
		if c.AtLeast {
			mark = "at least "
		}
		fmt.Fprintf(b, "%s %s%s/s", clean(c.Name), mark, size(c.BytesPerSecond))
	}
	b.WriteString("\n")
}

func (s *Survey) unreadable(b *strings.Builder) {
	for _, c := range s.Containers {
		if c.Reason != "" {
			fmt.Fprintf(b, "%s cannot be read by anybody: %s\n", clean(c.Name), c.Reason)
		}
	}
}

// clean keeps what could move a terminal's cursor from it. The engine allows no
// such name, but it is the engine that says so.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
}

func (m *Measured) write(b *strings.Builder) {
	fmt.Fprintf(b, "\nmode %s, measured for %.0f s (what was read was thrown away):\n", m.Mode, m.Seconds)
	for _, route := range slices.Sorted(maps.Keys(m.Lines)) {
		fmt.Fprintf(b, "  %s: %.1f lines/s, %s/s\n", route, float64(m.Lines[route])/m.Seconds, size(float64(m.Bytes[route])/m.Seconds))
	}
	if m.AgeMax > 0 {
		fmt.Fprintf(b, "  from Docker's timestamp until it would be sent: P50 %.0f ms, P95 %.0f ms, P99 %.0f ms, most %.0f ms\n", m.Age50, m.Age95, m.Age99, m.AgeMax)
	}
	fmt.Fprintf(b, "  CPU %.1f %% of one processor", m.CPU)
	if m.DockerdCPU != nil {
		fmt.Fprintf(b, ", dockerd %.1f %% (with all its other work)", *m.DockerdCPU)
	}
	fmt.Fprintf(b, ", RSS %s\n", size(float64(m.RSS)))
	fmt.Fprintf(b, "  goroutines %.0f, %s; descriptors %.0f, %s\n", m.Goroutines, m.GoroutineGrowth, m.Descriptors, m.DescriptorGrowth)
	b.WriteString("For what the other modes cost, measure them: --mode file, --mode stream, --mode hybrid.\n")
}

// String writes the growth in words.
func (g Growth) String() string {
	if !g.Known {
		return "growth not known from less than 30 s (--for)"
	}
	return fmt.Sprintf("growth %.1f ± %.1f /min", g.PerMinute, g.Error)
}

// size writes bytes as people do.
func size(bytes float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	for _, unit := range units[:len(units)-1] {
		if bytes < 1024 {
			return fmt.Sprintf("%.3g %s", bytes, unit)
		}
		bytes /= 1024
	}
	return fmt.Sprintf("%.3g TiB", bytes)
}
