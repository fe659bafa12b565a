package rehearsal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/console"
)

// Test is lines, and what is to become of them.
type Test struct {
	Subject *Subject
	Input   []Line
	Expect  []Expected
}

// Expected is an entry as it should be. Only what is given is compared.
type Expected struct {
	// Place is where it is written: file:line.
	Place                       string
	Line, Stream, Level, Tenant *string
	Time                        *time.Time
	// Labels and Metadata are those that are compared: nil for one that must not be there.
	Labels, Metadata map[string]*string
	// Dropped: it is dropped, by Rule where that is given.
	Dropped bool
	Rule    string
}

// levelName is the structured metadata that has the level of an entry.
const levelName = "detected_level"

// Run runs a test, and says what is not as it should be; nothing where all is. Where no
// entry is expected to be dropped, those that are do not count.
func (t *Test) Run() (wrong []string) {
	var got []*Entry
	r := Rehearse(t.Subject, func(e *Entry) { got = append(got, e) })
	for _, l := range t.Input {
		r.Add(l)
	}
	r.End()
	whole := got
	if !slices.ContainsFunc(t.Expect, func(e Expected) bool { return e.Dropped }) {
		got = slices.DeleteFunc(slices.Clone(got), func(e *Entry) bool { return !e.Sent() })
	}
	for i := range min(len(got), len(t.Expect)) {
		want := &t.Expect[i]
		for _, text := range t.compare(want, got[i]) {
			wrong = append(wrong, fmt.Sprintf("%s: entry %d of %d: %s", want.Place, i+1, len(t.Expect), text))
		}
	}
	for i := len(t.Expect); i < len(got); i++ {
		wrong = append(wrong, fmt.Sprintf("entry %d: expected no more, got %s", i+1, came(got[i])))
	}
	for i := len(got); i < len(t.Expect); i++ {
		wrong = append(wrong, fmt.Sprintf("%s: entry %d of %d: expected %s, got no more", t.Expect[i].Place, i+1, len(t.Expect), wanted(&t.Expect[i])))
	}
	if len(wrong) > 0 && len(whole) > len(got) {
		for _, e := range whole {
			if !e.Sent() {
				wrong = append(wrong, "and "+came(e))
			}
		}
	}
	return wrong
}

func (t *Test) compare(want *Expected, got *Entry) (wrong []string) {
	if want.Dropped == got.Sent() {
		return []string{"expected " + wanted(want) + ", got " + came(got)}
	}
	if want.Dropped && want.Rule != "" && want.Rule != got.Rule {
		text := fmt.Sprintf("expected it dropped by %s, got it dropped by %s (%s)", quoted(want.Rule), quoted(got.Rule), got.DroppedBy)
		if rules := t.Subject.Pipeline.Rules(); !slices.Contains(rules, want.Rule) {
			text += "; there are the rules " + strings.Join(rules, ", ")
		}
		wrong = append(wrong, text)
	}
	line := got.After.Line
	if want.Dropped {
		line = got.Before.Line // what becomes of it on the way does not matter
	}
	if want.Line != nil && *want.Line != line {
		wrong = append(wrong, diff(*want.Line, line))
	}
	if want.Stream != nil && *want.Stream != got.Stream.String() {
		wrong = append(wrong, differs("stream", want.Stream, got.Stream.String()))
	}
	for _, name := range slices.Sorted(maps.Keys(want.Labels)) {
		wrong = append(wrong, differ("label "+name, want.Labels[name], got.After.Labels, name)...)
	}
	for _, name := range slices.Sorted(maps.Keys(want.Metadata)) {
		wrong = append(wrong, differ("structured metadata "+name, want.Metadata[name], got.After.Metadata, name)...)
	}
	if want.Level != nil {
		wrong = append(wrong, differ("level", want.Level, got.After.Metadata, levelName)...)
	}
	if want.Tenant != nil && *want.Tenant != got.After.Tenant {
		wrong = append(wrong, differs("tenant", want.Tenant, got.After.Tenant))
	}
	if want.Time != nil && want.Time.UnixNano() != got.After.Time {
		wrong = append(wrong, fmt.Sprintf("time: expected %s, got %s", stampOf(want.Time.UnixNano()), stampOf(got.After.Time)))
	}
	return wrong
}

// differ compares one of a map, where nil stands for nothing.
func differ(what string, want *string, in map[string]string, name string) []string {
	got, there := in[name]
	switch {
	case want == nil && !there, want != nil && there && *want == got:
		return nil
	case !there:
		return []string{fmt.Sprintf("%s: expected %s, got none", what, inQuotes(*want))}
	}
	return []string{differs(what, want, got)}
}

func differs(what string, want *string, got string) string {
	if want == nil {
		return fmt.Sprintf("%s: expected none, got %s", what, inQuotes(got))
	}
	return fmt.Sprintf("%s: expected %s, got %s", what, inQuotes(*want), inQuotes(got))
}

// diff shows two texts below each other, with the lines that differ marked.
func diff(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	var out strings.Builder
	out.WriteString("line: expected (-), got (+)")
	put := func(sign, line string) {
		out.WriteString("\n      " + sign + " " + short(console.Escaped(line), mostOfLine))
	}
	for _, line := range a[:same] {
		put(" ", line)
	}
	for _, line := range a[same:] {
		put("-", line)
	}
	for _, line := range b[same:] {
		put("+", line)
	}
	return out.String()
}

func inQuotes(value string) string { return `"` + short(console.Escaped(value), mostShown) + `"` }

// wanted says in words what is expected.
func wanted(e *Expected) string {
	what := "an entry"
	if e.Line != nil {
		what = inQuotes(strings.ReplaceAll(*e.Line, "\n", "⏎"))
	}
	switch {
	case !e.Dropped:
		return what + " sent"
	case e.Rule != "":
		return what + " dropped by " + quoted(e.Rule)
	}
	return what + " dropped"
}

// came says in words what became of an entry.
func came(e *Entry) string {
	if e.Sent() {
		return inQuotes(strings.ReplaceAll(e.After.Line, "\n", "⏎")) + " sent"
	}
	return fmt.Sprintf("%s dropped by %s (%s)", inQuotes(strings.ReplaceAll(e.Before.Line, "\n", "⏎")), quoted(e.Rule), e.DroppedBy)
}
