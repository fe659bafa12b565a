package loki

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lighterman/lighterman/internal/logs"
)

var (
	// ignoredText ends the answer when an ingester refused entries of a
	// stream. It speaks of one stream only, whatever happened to others.
	ignoredText = regexp.MustCompile(`total ignored: (\d+) out of (\d+) for stream`)
	// cutoffText gives the time before which an ingester refuses entries.
	cutoffText = regexp.MustCompile(`too far behind, entry timestamp is: \S+, oldest acceptable timestamp is: ([^\s']+)`)
	// errorsLike counts what the distributor refused, one count per text.
	errorsLike = regexp.MustCompile(`(?:^|; )(\d+) errors like: `)
	// serviceName is the label that Loki adds to streams without it.
	serviceName = regexp.MustCompile(`service_name="(?:[^"\\]|\\.)*", `)
	// labelText is a stream's labels.
	labelText = regexp.MustCompile(`(?s)'\{.*\}'`)
	// containerOf finds the container's name within a stream's labels.
	containerOf = regexp.MustCompile(`container="((?:[^"\\]|\\.)*)"`)
)

// reasons maps what Loki's texts contain to short constant words.
var reasons = []struct{ text, reason string }{
	{"too far behind", "too_far_behind"},
	{"out of order", "out_of_order"},
	{"timestamp too old", "too_old"},
	{"timestamp too new", "too_new"},
	{"max entry size", "line_too_long"},
	{"structured metadata", "structured_metadata"},
	{"label name too long", "labels"},
	{"label value too long", "labels"},
	{"duplicate label name", "labels"},
	{"label names; limit", "labels"},
	{"parsing labels", "labels"},
	{"at least one label", "labels"},
	{"missing required labels", "labels"},
}

// reasonOf finds the first of the texts outside of the stream's labels, which may
// hold any text.
func reasonOf(text string) string {
	text = strings.ToLower(labelText.ReplaceAllString(text, "")) // Loki 2.9 begins some with a capital letter
	first, reason := len(text), "refused"
	for _, r := range reasons {
		if at := strings.Index(text, r.text); at >= 0 && at < first {
			first, reason = at, r.reason
		}
	}
	return reason
}

// ingesters takes the answer of an ingester apart: the reasons for the first few
// entries, and the counts. Labels, which anybody may have written, stand only
// within or behind these; in the distributor's answers they may stand anywhere.
func ingesters(text string) (reasons string, counts []string, ok bool) {
	at := ignoredText.FindStringSubmatchIndex(text)
	if at == nil || !strings.HasPrefix(text, "entry with timestamp ") {
		return "", nil, false
	}
	return text[:at[0]], []string{text[at[2]:at[3]], text[at[4]:at[5]]}, true
}

// refused says which entries a 400 speaks of. It is not exact when the answer
// does not tell, or tells of a stream that is not the batch's last: then the
// batch has to be sent again in parts. An ingester speaks of the last stream
// only; that none before it can be refused is the dispatcher's care.
func refused(text string, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	if len(b.Groups) == 0 {
		return nil, false // a probe
	}
	if _, counts, ok := ingesters(text); ok {
		ignored, _ := strconv.Atoi(counts[0]) // digits, by the expression
		reached, _ := strconv.Atoi(counts[1])
		// Entries that did not reach the stream were refused before, or went
		// to another shard of it.
		g := b.Groups[len(b.Groups)-1]
		if !strings.HasSuffix(text, g.Labels.Selector(g.Stream)) && len(b.Groups) > 1 {
			return nil, false // of another stream, or a shard of one
		}
		if reached != g.Len() || ignored > mostBehind(text, g) {
			return nil, false
		}
		return []logs.Reject{{Container: nameOf(g), Reason: reasonOf(text), Count: ignored, Example: example(text, []*logs.Group{g}), Message: brief(text)}}, true
	}
	return grouped(text, b)
}

// mostBehind is the number of entries that can be too far behind. Loki counts
// those over the stream's rate limit with them, and its text shows only the first
// few. The time in it has whole seconds.
func mostBehind(text string, g *logs.Group) (count int) {
	m := cutoffText.FindStringSubmatch(text)
	if m == nil {
		return g.Len()
	}
	cutoff, err := time.Parse(time.RFC3339, m[1])
	if err != nil {
		return g.Len()
	}
	for _, at := range g.Times {
		if at < cutoff.UnixNano()+1e9 {
			count++
		}
	}
	return count
}

// grouped reads the distributor's answer: one error, or several with counts.
func grouped(text string, b *logs.Batch) (rejects []logs.Reject, exact bool) {
	total := 0
	for _, e := range split400(text) {
		groups := named(e.text, b)
		r := logs.Reject{Reason: reasonOf(e.text), Count: e.count, Example: example(e.text, groups), Message: brief(e.text)}
		switch {
		case r.Reason == "labels":
			if r.Container, r.Count = streamsIn(e, groups); r.Count == 0 {
				return nil, false
			}
		case r.Reason == "refused" && b.Entries != 1:
			return nil, false
		case len(groups) == 1:
			r.Container = nameOf(groups[0])
		default:
			r.Container = containerIn(e.text)
		}
		total += r.Count
		rejects = append(rejects, r)
	}
	return rejects, total > 0 && total <= b.Entries
}

// streamsIn counts the entries of the streams that an error about labels speaks
// of: Loki counts it once for a stream, however many entries that has. It finds
// none when it is not clear which streams are meant.
func streamsIn(e countedError, groups []*logs.Group) (container string, entries int) {
	if len(groups) != e.count {
		return "", 0
	}
	for _, g := range groups {
		container = nameOf(g)
		entries += g.Len()
	}
	return container, entries
}

func nameOf(g *logs.Group) string { return g.Labels.Get("container") }

func containerIn(text string) string {
	if m := containerOf.FindStringSubmatch(text); m != nil {
		if name, err := strconv.Unquote(`"` + m[1] + `"`); err == nil {
			return name
		}
		return m[1]
	}
	return ""
}

type countedError struct {
	text  string
	count int
}

// split400 takes "2 errors like: A; 1 errors like: B" apart; a single error
// comes without a count.
func split400(text string) (out []countedError) {
	marks := errorsLike.FindAllStringSubmatchIndex(text, -1)
	if len(marks) == 0 || marks[0][0] != 0 {
		return []countedError{{text, 1}}
	}
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		count, err := strconv.Atoi(text[m[2]:m[3]])
		if err != nil {
			return []countedError{{text, 1}}
		}
		out = append(out, countedError{text[m[1]:end], count})
	}
	return out
}
