package dashboard

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// WriteText writes the dashboard for a terminal.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n\n", r.title(), strings.Repeat("═", utf8.RuneCountInString(r.title())))
	for _, line := range r.about() {
		fmt.Fprintln(&b, line)
	}
	for _, t := range r.tables() {
		t.write(&b)
	}
	for _, c := range r.charts() {
		c.write(&b)
	}
	b.WriteString("\nHad to be shown\n")
	for _, c := range r.Checks {
		mark := "FAIL"
		if c.OK {
			mark = "ok  "
		}
		fmt.Fprintf(&b, "  %s %s: %s\n", mark, c.Name, c.Found)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) title() string {
	if r.Kind == "soak" {
		return "Stability of the ways to collect"
	}
	return "Ways to collect, compared"
}

// about says what was measured, where and how.
func (r *Report) about() []string {
	l := r.Load
	load := fmt.Sprintf("%d containers (%s), %g lines/s each", l.Containers, l.Mix, l.Rate)
	if l.Every > 0 {
		load += fmt.Sprintf("; every %g s one is stopped and started, restarted, or removed and replaced", l.Every)
	}
	if l.Rotate {
		load += "; logs rotate"
	}
	how := "one mode after another, each on an engine of its own"
	if l.Together {
		how = "all modes at the same time on one engine"
	}
	warmup := fmt.Sprintf("%g s of warm-up", l.Warmup)
	if l.WarmupEvery > 0 && l.WarmupEvery != l.Every {
		warmup += fmt.Sprintf(" with a stop, restart or removal every %g s", l.WarmupEvery)
	}
	return []string{
		fmt.Sprintf("%s. %s. Docker Engine %s. Commit %s.", r.Made.UTC().Format("2006-01-02 15:04 MST"), r.Machine, r.Engine, r.Commit),
		load + ".",
		fmt.Sprintf("%g s measured after %s; %s.", l.Window, warmup, how),
		"Made by: " + r.Command,
	}
}

// write aligns the columns.
func (t table) write(b *strings.Builder) {
	rows := append([][]string{t.Head}, t.Rows...)
	widths := make([]int, len(t.Head))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintf(b, "\n%s\n", t.Title)
	for n, row := range rows {
		line := "  " + pad(row[0], widths[0], false)
		for i, cell := range row[1:] {
			line += "  " + pad(cell, widths[i+1], true)
		}
		fmt.Fprintln(b, strings.TrimRight(line, " "))
		if n == 0 {
			fmt.Fprintln(b, "  "+strings.Repeat("─", utf8.RuneCountInString(line)-2))
		}
	}
	if t.Note != "" {
		fmt.Fprintln(b, "  "+t.Note)
	}
}

func pad(text string, width int, right bool) string {
	space := strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
	if right {
		return space + text
	}
	return text + space
}

// barWidth is the length of the longest bar.
const barWidth = 40

func (c chart) write(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s\n", c.Title)
	width := 0
	for _, bar := range c.Bars {
		width = max(width, utf8.RuneCountInString(bar.Label))
	}
	for _, bar := range c.Bars {
		fmt.Fprintf(b, "  %s  %s %s\n", pad(bar.Label, width, false), blocks(bar.Share), bar.Text)
	}
}

// blocks draws a bar to an eighth of a letter.
func blocks(share float64) string {
	eighths := int(share*barWidth*8 + 0.5)
	parts := []string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}
	return strings.Repeat("█", eighths/8) + parts[eighths%8]
}
