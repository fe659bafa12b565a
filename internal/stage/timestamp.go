package stage

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

// timestamp moves an entry to the time that was extracted from it.
type timestamp struct {
	from  slot
	parse []func(string, int64) (time.Time, error)
	// fudge is the number of the memory of the newest time, -1 where an entry without a
	// time of its own keeps Docker's.
	fudge int
}

// fudge is the time that was set last, per stream.
type fudge [logs.Streams]int64

func newTimestamp(b *builder, f *fields) step {
	f.read("source", "format", "fallback_formats", "location", "action_on_failure")
	t := &timestamp{fudge: -1}
	if name := f.needed("source"); name != "" {
		t.from = b.name(name)
	}
	location := time.UTC
	if name := f.text("location"); name != "" {
		l, err := time.LoadLocation(name)
		if err != nil {
			f.at("location", "there is no time zone %q on this host", name)
		} else {
			location = l
		}
	}
	if format := f.needed("format"); format != "" {
		t.parse = append(t.parse, parserOf(format, location))
	}
	for _, format := range f.texts("fallback_formats") {
		t.parse = append(t.parse, parserOf(format, location))
	}
	switch action := f.text("action_on_failure"); action {
	case "", "fudge":
		t.fudge = len(b.pipeline.fudges)
		b.pipeline.fudges = append(b.pipeline.fudges, remembers(b.pipeline.fudges, "timestamp "+f.text("source")))
	case "skip":
	default:
		f.at("action_on_failure", "expected fudge or skip, found %q", action)
	}
	return t
}

func (t *timestamp) run(r *Run, e *Entry, n *node) *node {
	if v, ok := r.get(e, t.from); ok && len(v) <= maxTime {
		text := string(v)
		for _, parse := range t.parse {
			at, err := parse(text, e.docker)
			// Nanoseconds since 1970 hold from 1677 to 2262.
			if err != nil || at.Year() < 1678 || at.Year() > 2261 {
				continue
			}
			e.Time = at.UnixNano()
			if t.fudge >= 0 {
				r.fudges[t.fudge][e.Stream] = e.Time
			}
			return n.next
		}
	}
	if t.fudge >= 0 {
		if last := &r.fudges[t.fudge][e.Stream]; *last != 0 {
			*last++
			e.Time = *last
		}
	}
	return n.next
}

// maxTime is how long a time may be, in bytes.
const maxTime = 128

var layouts = map[string]string{
	"ANSIC": time.ANSIC, "UnixDate": time.UnixDate, "RubyDate": time.RubyDate, "RFC822": time.RFC822,
	"RFC822Z": time.RFC822Z, "RFC850": time.RFC850, "RFC1123": time.RFC1123, "RFC1123Z": time.RFC1123Z,
	"RFC3339": time.RFC3339, "RFC3339Nano": time.RFC3339Nano,
}

var numbers = map[string]time.Duration{"UnixMs": time.Millisecond, "UnixUs": time.Microsecond, "UnixNs": time.Nanosecond}

// parserOf returns what reads times of a format. It gets Docker's time, for formats
// without a year.
func parserOf(format string, location *time.Location) func(string, int64) (time.Time, error) {
	if layout, ok := layouts[format]; ok {
		return func(s string, _ int64) (time.Time, error) { return time.Parse(layout, s) }
	}
	if unit, ok := numbers[format]; ok {
		return func(s string, _ int64) (time.Time, error) {
			n, err := strconv.ParseInt(s, 10, 64)
			per := int64(time.Second / unit)
			return time.Unix(n/per, n%per*int64(unit)), err
		}
	}
	if format == "Unix" {
		return func(s string, _ int64) (time.Time, error) { return unixTime(s) }
	}
	if !strings.Contains(format, "06") {
		return func(s string, docker int64) (time.Time, error) { return withoutYear(format, s, location, docker) }
	}
	return func(s string, _ int64) (time.Time, error) { return time.ParseInLocation(format, s, location) }
}

var errTime = errors.New("no time")

// unixTime reads seconds with or without a fraction.
func unixTime(s string) (time.Time, error) {
	whole, fraction, dot := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || !dot {
		return time.Unix(sec, 0), err
	}
	if fraction == "" || strings.Trim(fraction, "0123456789") != "" {
		return time.Time{}, errTime
	}
	fraction = (fraction + "000000000")[:9]
	ns, err := strconv.ParseInt(fraction, 10, 64)
	return time.Unix(sec, ns), err
}

// withoutYear reads a time that names no year: that of Docker's time, or the one before
// or after it around New Year's Eve.
func withoutYear(format, s string, location *time.Location, docker int64) (time.Time, error) {
	t, err := time.ParseInLocation(format, s, location)
	if err != nil || t.Year() != 0 {
		return t, errors.Join(err, errTime)
	}
	near := time.Unix(0, docker).In(location)
	year := near.Year()
	switch {
	case t.Month() == time.December && near.Month() == time.January:
		year--
	case t.Month() == time.January && near.Month() == time.December:
		year++
	}
	return t.AddDate(year, 0, 0), nil
}
