package status

import (
	"fmt"
	"time"
)

// contentPolicy allows a browser what this server has, style, script and pictures, and
// nothing else: should markup ever slip through the escaping, it could do nothing.
const contentPolicy = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'"

// Bytes writes a size for people; a negative one, which is not known, as a dash.
func Bytes(n int64) string {
	const step = 1024
	switch {
	case n < 0:
		return "–"
	case n < step:
		return fmt.Sprintf("%d B", n)
	}
	value, units := float64(n)/step, "KMGTPE"
	for value >= step && len(units) > 1 {
		value, units = value/step, units[1:]
	}
	return fmt.Sprintf("%.1f %ciB", value, units[0])
}

// Seconds writes a duration for people; an unknown one as a dash.
func Seconds(s float64) string {
	switch {
	case s < 0:
		return "–"
	case s < 60:
		return fmt.Sprintf("%.1f s", s)
	case s > 1e9: // some thirty years, and what a Duration can hold
		return "very long"
	default:
		return time.Duration(s * float64(time.Second)).Round(time.Second).String()
	}
}
