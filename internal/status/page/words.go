package page

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/status"
)

// maxShown is how much there is on a page of a text from outside, in bytes.
const maxShown = 2 << 10

// visible returns a text from outside as it is shown: bounded, and with what would be hidden,
// or would change the order of letters, in visible form.
func visible(text string) string {
	if len(text) > maxShown {
		end := maxShown
		for !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end] + "…"
	}
	return console.Escaped(text)
}

// visibleLines is visible for a text that may have several lines.
func visibleLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = visible(line)
	}
	return strings.Join(lines, "\n")
}

// escaped returns JSON in which what a terminal obeys, or what changes the order of letters, is
// escaped. Such letters are in its strings only.
func escaped(text []byte) []byte {
	hidden := func(r rune) bool {
		return r >= 0x7f && unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Cf, r)
	}
	if bytes.IndexFunc(text, hidden) < 0 {
		return text
	}
	out := make([]byte, 0, len(text)+len(text)/8)
	for _, r := range string(text) {
		switch {
		case !hidden(r):
			out = utf8.AppendRune(out, r)
		case r <= 0xffff:
			out = fmt.Appendf(out, "\\u%04x", r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, "\\u%04x\\u%04x", high, low)
		}
	}
	return out
}

// dash stands for what is not known.
const dash = "–"

// whole writes a number with commas between thousands.
func whole(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// rate writes how many there are in a second.
func rate(v float64) string { return amount(v) + "/s" }

// amount writes a number, short.
func amount(v float64) string {
	switch {
	case math.IsNaN(v):
		return dash
	case v == 0:
		return "0"
	case v < 0.1:
		return strconv.FormatFloat(v, 'g', 1, 64)
	case v < 10:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	}
	return whole(int64(math.Round(v)))
}

func size(v float64) string {
	if math.IsNaN(v) {
		return dash
	}
	return status.Bytes(int64(v))
}

func sizeRate(v float64) string {
	if math.IsNaN(v) {
		return dash
	}
	return size(v) + "/s"
}

// duration writes seconds.
func duration(v float64) string {
	switch {
	case math.IsNaN(v):
		return dash
	case v == 0:
		return "0 s"
	case v > 0 && v < 0.9995:
		return fmt.Sprintf("%.0f ms", max(1, v*1000))
	}
	return status.Seconds(v)
}

// stamp writes a time for people, which is not the one of machines.
func stamp(t time.Time) string {
	if t.IsZero() {
		return dash
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// clock writes the time of a line.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

// machine writes a time in the form of the attribute datetime.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// since writes how long something takes by now.
func since(began, now time.Time) string {
	if began.IsZero() {
		return dash
	}
	d := now.Sub(began).Round(time.Second)
	if d < 0 {
		d = 0
	}
	if days := d / (24 * time.Hour); days > 0 {
		return fmt.Sprintf("%d d %d h", days, (d%(24*time.Hour))/time.Hour)
	}
	if d >= time.Hour {
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	if d >= time.Minute {
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

func shortID(id string) string { return id[:min(len(id), 12)] }

// plural writes a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return whole(int64(n)) + " " + many
}
