package config

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// calendar splits the weeks and days off a duration.
var calendar = regexp.MustCompile(`^(?:([0-9]+)w)?(?:([0-9]+)d)?([0-9.a-zµμ]*)$`)

// parseDuration takes what time.ParseDuration takes, without a sign, and weeks
// and days in front.
func parseDuration(text string) (time.Duration, error) {
	d, ok := duration(text)
	if !ok {
		return 0, invalid(text, kindDuration.expected)
	}
	return d, nil
}

func parsePositive(text string) (time.Duration, error) {
	d, ok := duration(text)
	if !ok || d == 0 {
		return 0, invalid(text, "a duration above zero, such as 10s")
	}
	return d, nil
}

func parseSince(text string) (Since, error) {
	switch text {
	case "beginning":
		return Since{Beginning: true}, nil
	case "now":
		return Since{Now: true}, nil
	}
	d, ok := duration(text)
	if !ok || d == 0 {
		return Since{}, invalid(text, kindSince.expected)
	}
	return Since{Age: d}, nil
}

func duration(text string) (time.Duration, bool) {
	m := calendar.FindStringSubmatch(text)
	if text == "" || m == nil {
		return 0, false
	}
	var rest time.Duration
	if m[3] != "" {
		d, err := time.ParseDuration(m[3])
		if err != nil {
			return 0, false
		}
		rest = d
	}
	const day = 24 * time.Hour
	days, ok := calendarDays(m[1], m[2])
	if !ok || days > int64(math.MaxInt64-rest)/int64(day) {
		return 0, false
	}
	return time.Duration(days)*day + rest, true
}

func calendarDays(weeks, days string) (int64, bool) {
	w, okW := digits(weeks)
	d, okD := digits(days)
	return 7*w + d, okW && okD
}

// digits reads a number that is small enough to be computed with.
func digits(text string) (int64, bool) {
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(text, 10, 32)
	return int64(n), err == nil
}

// units are the suffixes of a size; the ones without i are powers of 1000.
var units = []struct {
	suffix string
	bytes  int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
}

// size makes a parser of sizes from least to most bytes.
func size[T int | int64](least, most int64) func(string) (T, error) {
	return func(text string) (T, error) {
		n, ok := byteCount(text)
		if !ok {
			return 0, invalid(text, kindSize.expected)
		}
		if n < least || n > most {
			return 0, invalid(text, "a size from "+sizeText(least)+" to "+sizeText(most))
		}
		return T(n), nil
	}
}

func byteCount(text string) (int64, bool) {
	unit := int64(1)
	for _, u := range units {
		if number, found := strings.CutSuffix(text, u.suffix); found {
			text, unit = number, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || int64(n) > math.MaxInt64/unit {
		return 0, false
	}
	return int64(n) * unit, true
}

// sizeText writes a size with the largest unit that leaves no fraction.
func sizeText(n int64) string {
	for _, u := range []int{2, 1, 0} {
		if n != 0 && n%units[u].bytes == 0 {
			return strconv.FormatInt(n/units[u].bytes, 10) + units[u].suffix
		}
	}
	return strconv.FormatInt(n, 10)
}

func parseLines(text string) (Lines, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	const most = 1_000_000
	if err != nil || n > most {
		return Lines{}, invalid(text, "a number of lines, from 0 to a million")
	}
	return Lines{Set: true, N: int(n)}, nil
}

func parsePercent(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > 100 {
		return 0, invalid(text, kindPercent.expected)
	}
	return int(n), nil
}
