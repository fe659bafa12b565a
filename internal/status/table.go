package status

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Reasons are sentences. They stand beside the container where there is room for
// so many letters; else a number does, and the reasons follow the table.
const roomForReason = 50

// gap separates columns; indent is what the lines of a reason begin with.
const gap = "  "

// WriteTable writes a list for people, in lines of at most width letters as far
// as names allow; 0 is for no limit, as in a file or a pipe.
func (l *List) WriteTable(w io.Writer, width int) error {
	var b strings.Builder
	if len(l.Containers) > 0 {
		l.table(&b, width)
		b.WriteString("\n")
	}
	b.WriteString(l.Coverage.words() + "\n" + l.origin() + "\n")
	for _, text := range l.warnings() {
		b.WriteString(strings.Join(wrapped(text, width, width == 0), "\n  ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l *List) table(b *strings.Builder, width int) {
	rows, reasons := l.rows()
	widths := measure(rows)
	left := 0 // of the column of reasons
	for _, n := range widths {
		left += n + len(gap)
	}
	if width > 0 && width-left < roomForReason {
		writeNumbered(b, rows, reasons, widths, width)
		return
	}
	for i, row := range rows {
		text := wrapped(reasons[i], width-left, width == 0)
		line(b, append(row, text[0]), widths)
		for _, more := range text[1:] {
			b.WriteString(strings.Repeat(" ", left) + more + "\n")
		}
	}
}

// rows returns the columns but the last, and the last; the first row is the head.
func (l *List) rows() (rows [][]string, reasons []string) {
	running := l.Source == Running
	drops := slices.ContainsFunc(l.Containers, func(c Container) bool { return c.Account.DroppedLines() > 0 })
	head := []string{"CONTAINER", "DRIVER", "ROUTE"}
	if running {
		head = append(head, "LAG", "LINES")
		if drops {
			head = append(head, "DROPPED")
		}
		head = append(head, "POSITION")
	}
	rows, reasons = append(rows, head), append(reasons, "REASON")
	for _, c := range l.Containers {
		row := []string{c.Name, c.Driver, c.Route}
		if running {
			row = append(row, c.lag(), c.lines())
			if drops {
				row = append(row, fmt.Sprint(c.Account.DroppedLines()))
			}
			row = append(row, c.position())
		}
		rows, reasons = append(rows, row), append(reasons, c.why())
	}
	return rows, reasons
}

func (c *Container) why() string {
	why := c.Reason
	if len(c.Remarks) > 0 {
		why += "; its labels: " + strings.Join(c.Remarks, "; ")
	}
	if c.LastError != "" {
		why += "; last error: " + c.LastError
	}
	if r := c.LastRefusal; r != nil && c.Refused != nil {
		why += fmt.Sprintf("; %d lines refused, the last as %s, for example that of %s: %s",
			*c.Refused, r.Reason, r.Example.UTC().Format(time.RFC3339Nano), r.Cure)
	}
	return why
}

// none stands for what is not known.
const none = "-"

func (c *Container) lag() string {
	if c.LagBytes == nil {
		return none
	}
	return Bytes(*c.LagBytes)
}

func (c *Container) lines() string {
	if c.Lines == nil || c.Route == "unreadable" {
		return none
	}
	return fmt.Sprint(*c.Lines)
}

// position is the byte of a file, or else the time of the newest line delivered.
func (c *Container) position() string {
	switch p := c.Position; {
	case p == nil || c.Route == "unreadable":
		return none
	case c.Route == "file", c.Route == "host-file":
		return fmt.Sprintf("byte %d", p.Offset)
	case p.Time.IsZero():
		return none
	default:
		return p.Time.UTC().Format(time.DateTime)
	}
}

// writeNumbered writes a table with a number for each reason, and then those.
func writeNumbered(b *strings.Builder, rows [][]string, reasons []string, widths []int, width int) {
	var notes []string
	for i, row := range rows {
		if i == 0 {
			line(b, append(row, "REASON"), widths)
			continue
		}
		n := slices.Index(notes, reasons[i])
		if n < 0 {
			n = len(notes)
			notes = append(notes, reasons[i])
		}
		line(b, append(row, fmt.Sprintf("[%d]", n+1)), widths)
	}
	b.WriteString("\n")
	for n, note := range notes {
		mark := fmt.Sprintf("[%d] ", n+1)
		for i, text := range wrapped(note, width-len(mark), false) {
			if i > 0 {
				mark = strings.Repeat(" ", len(mark))
			}
			b.WriteString(mark + text + "\n")
		}
	}
}

// measure returns the width of each column.
func measure(rows [][]string) []int {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// line writes a row whose last cell is as wide as it is.
func line(b *strings.Builder, row []string, widths []int) {
	for i, cell := range row {
		b.WriteString(cell)
		if i < len(widths) {
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)) + gap)
		}
	}
	b.WriteString("\n")
}

// wrapped breaks a text between words; a word that is too long stays whole.
func wrapped(text string, width int, whole bool) []string {
	if whole {
		return []string{text}
	}
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

// words is the summary in one line.
func (c *Coverage) words() string {
	if c.Containers == 0 {
		return "no containers"
	}
	noun := "containers"
	if c.Containers == 1 {
		noun = "container"
	}
	shares := make([]string, 0, len(c.Routes))
	for _, s := range c.Routes {
		shares = append(shares, fmt.Sprintf("%d %s (%g %%)", s.Containers, byRoute[s.Route], s.Percent))
	}
	return fmt.Sprintf("%d %s: %s", c.Containers, noun, strings.Join(shares, ", "))
}

var byRoute = map[string]string{"file": "by file", "journal": "by journal", "api": "by API", "host-file": "files of the host", "host-journal": "of the host's journal", "waiting": "waiting for a descriptor", "unreadable": "unreadable"}

// warnings say what is wrong: what has to be there and is not, how old the oldest line is
// that waits for it, and how much Loki has refused.
func (l *List) warnings() (out []string) {
	if len(l.NotReady) > 0 {
		why := make([]string, 0, len(l.NotReady))
		for _, v := range l.NotReady {
			why = append(why, v.Name+": "+v.Why)
		}
		out = append(out, "NOT READY: "+strings.Join(why, "; "))
		if l.OldestSeconds != nil && *l.OldestSeconds > 0 {
			age := time.Duration(min(*l.OldestSeconds, 1e9) * float64(time.Second))
			if age >= time.Second {
				age = age.Round(time.Second)
			}
			out = append(out, fmt.Sprintf("oldest line not delivered: %s old, of %s", age.Round(time.Millisecond), l.oldest))
		}
	}
	var refused uint64
	for _, c := range l.Containers {
		if c.Refused != nil {
			refused += *c.Refused
		}
	}
	if refused > 0 {
		out = append(out, fmt.Sprintf("REFUSED: %d lines were refused by Loki for good since the start", refused))
	}
	return out
}

// origin says where the list comes from.
func (l *List) origin() string {
	switch {
	case l.Source == Running && !l.EngineConnected:
		return fmt.Sprintf("from the lighterman at %s, which does not reach the engine: this may be old", l.Address)
	case l.Source == Running:
		return fmt.Sprintf("from the lighterman at %s", l.Address)
	case l.Address == "":
		return "dry run: this is how lighterman would read this host"
	default:
		return fmt.Sprintf("dry run, as none answers at %s: how lighterman would read this host", l.Address)
	}
}
