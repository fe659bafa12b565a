package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

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
	d, ok := duration(text)
	since := Since{Beginning: text == "beginning", Now: text == "now", Age: d}
	if !since.Beginning && !since.Now && (!ok || d == 0) {
		return Since{}, invalid(text, kindSince.expected)
	}
	return since, nil
}

// duration reads what time.ParseDuration takes, without a sign, and weeks and days in front.
func duration(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	var total time.Duration
	rest := text
	for _, unit := range []struct {
		letter string
		days   int64
	}{{"w", 7}, {"d", 1}} {
		number, after, found := strings.Cut(rest, unit.letter)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		days := int64(n) * unit.days
		if err != nil || days > int64((math.MaxInt64-total)/day) {
			return 0, false
		}
		total, rest = total+time.Duration(days)*day, after
	}
	if rest == "" {
		return total, text != ""
	}
	d, err := time.ParseDuration(rest)
	if err != nil || strings.ContainsAny(rest, "+-") || d > math.MaxInt64-total {
		return 0, false
	}
	return total + d, true
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
	n, err := number(&kind{expected: "a number of lines, from 0 to a million"}, 1_000_000)(text)
	return Lines{Set: err == nil, N: n}, err
}

// number makes a parser of numbers from 0 on.
func number(k *kind, most uint64) func(string) (int, error) {
	return func(text string) (int, error) {
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n > most {
			return 0, invalid(text, k.expected)
		}
		return int(n), nil
	}
}
