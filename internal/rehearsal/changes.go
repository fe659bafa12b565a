package rehearsal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/console"
	"github.com/lighterman/lighterman/internal/stage"
)

// changes says in words what is different in an entry behind a stage, but for its line.
func changes(before, after *stage.View) (out []string) {
	out = append(out, pairs("extracted ", before.Extracted, after.Extracted)...)
	out = append(out, pairs("label ", before.Labels, after.Labels)...)
	out = append(out, pairs("metadata ", before.Metadata, after.Metadata)...)
	if after.Level != before.Level {
		out = append(out, "level "+after.Level)
	}
	if after.Tenant != before.Tenant {
		out = append(out, "tenant "+quoted(after.Tenant))
	}
	if after.Time != before.Time {
		out = append(out, fmt.Sprintf("time %s (%s)", stampOf(after.Time), moved(after.Time-before.Time)))
	}
	return out
}

// pairs says which names have other values, or are gone.
func pairs(kind string, before, after map[string]string) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if old, was := before[name]; !was || old != after[name] {
			out = append(out, kind+name+"="+quoted(after[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, is := after[name]; !is {
			out = append(out, kind+name+" removed")
		}
	}
	return out
}

// mostShown bounds a value in text, in letters.
const mostShown = 200

// quoted is a value as it may be shown: in quotes where its end would not be seen.
func quoted(value string) string {
	shown := short(console.Escaped(value), mostShown)
	if value == "" || strings.ContainsAny(value, " ,;\"=") {
		return `"` + shown + `"`
	}
	return shown
}

// short is a text of at most so many letters.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	runes := []rune(text[:min(len(text), 4*most)])
	if len(runes) <= most && len(text) <= 4*most {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", string(runes[:most]), len(text))
}

func stampOf(nano int64) string {
	return time.Unix(0, nano).UTC().Format("2006-01-02T15:04:05.999999999Z")
}

func moved(by int64) string {
	if by > 0 {
		return "+" + time.Duration(by).String()
	}
	return time.Duration(by).String()
}

// selector is labels as Loki writes them.
func selector(labels map[string]string) string {
	all := make([]string, 0, len(labels))
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, fmt.Sprintf("%s=\"%s\"", name, short(console.Escaped(labels[name]), mostShown)))
	}
	return "{" + strings.Join(all, ", ") + "}"
}
