package status

import (
	"crypto/sha256"
	_ "embed" // for the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"time"
)

//go:embed page.css
var style string

//go:embed page.html
var markup string

// contentPolicy allows a browser the page's own style sheet and nothing else:
// should markup ever slip through the escaping, it could do nothing.
var contentPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"style-src 'sha256-" + digest(style) + "'"

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"style":   func() template.CSS { return template.CSS(style) }, //nolint:gosec // a constant of this package
	"bytes":   Bytes,
	"seconds": secondsInWords,
	"short":   shortID,
	"uptime":  uptime,
	"stamp":   func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
}).Parse(markup))

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

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

// secondsInWords writes a duration for people; an unknown one as a dash.
func secondsInWords(s float64) string {
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

func shortID(id string) string { return id[:min(len(id), 12)] }

// uptime tells how long ago the process was started.
func uptime(started time.Time) string {
	if started.IsZero() {
		return "–"
	}
	return time.Since(started).Round(time.Second).String()
}
